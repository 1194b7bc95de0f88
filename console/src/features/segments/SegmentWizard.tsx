/** From tags to segments in five steps that show what is done: data, preparation, method, how many, result. */
import { Steps } from "antd";
import { useState } from "react";
import { useWords } from "../../app/context";
import { useQueryValue } from "../../app/router";
import { Page } from "../../ui/Page";
import { common } from "../../words/common";
import { segments } from "./words";
import { DataStep, MethodStep, NumberStep, PrepareStep } from "./WizardSteps";
import { ResultStep } from "./ResultStep";
import type { Plan } from "./plan";
import { FIRST_PLAN } from "./plan";
import "./segments.css";

export default function SegmentWizard() {
  const w = useWords(segments);
  const c = useWords(common);
  const [job, setJob] = useQueryValue("job");
  const [at, setAt] = useState(0);
  const [plan, setPlan] = useState<Plan>(FIRST_PLAN);
  const current = job === "" ? at : 4;
  const props = { plan, change: (part: Partial<Plan>) => setPlan((before) => ({ ...before, ...part })), back: () => setAt(at - 1), next: () => setAt(at + 1) };
  const steps = [w.stepData, w.stepPrepare, w.stepMethod, w.stepNumber, w.stepResult].map((title) => ({ title }));
  return (
    <Page title={w.wizardTitle} lead={w.wizardLead} above={{ href: "/segments", label: c.segments }}>
      <Steps className="wizard-steps" size="small" current={current} items={steps} responsive={false} titlePlacement="vertical" />
      {current === 0 && <DataStep {...props} />}
      {current === 1 && <PrepareStep {...props} />}
      {current === 2 && <MethodStep {...props} />}
      {current === 3 && <NumberStep {...props} begun={setJob} />}
      {current === 4 && (
        <ResultStep
          job={job}
          change={() => {
            setJob("");
            setAt(3);
          }}
        />
      )}
    </Page>
  );
}
