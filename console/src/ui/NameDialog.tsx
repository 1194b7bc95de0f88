/** Asks for a name and does something with it; what the server refuses is told here, and the name can be mended. */
import { Input, Modal } from "antd";
import { type ReactNode, useState } from "react";
import { useWords } from "../app/context";
import { common } from "../words/common";
import { ProblemText } from "./States";

interface Props {
  title: string;
  /** What the field is called. */
  label: string;
  start: string;
  ok: string;
  close: () => void;
  /** Does it; what it throws is shown. */
  act: (name: string) => Promise<void>;
  children?: ReactNode;
}

export function NameDialog({ title, label, start, ok, close, act, children }: Props) {
  const c = useWords(common);
  const [name, setName] = useState(start);
  const [error, setError] = useState<unknown>(null);
  const done = async () => {
    try {
      await act(name.trim());
    } catch (problem) {
      setError(problem);
    }
  };
  return (
    <Modal open title={title} okText={ok} cancelText={c.cancel} closable={{ "aria-label": c.close }} onCancel={close} onOk={() => done()} okButtonProps={{ disabled: name.trim() === "" }}>
      {children}
      <Input aria-label={label} value={name} onChange={(event) => setName(event.target.value)} />
      {error !== null && (
        <p className="field-error" role="alert">
          <ProblemText error={error} />
        </p>
      )}
    </Modal>
  );
}
