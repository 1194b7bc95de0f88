/** New rows get their segment: a file goes up, its rows are assigned, what was assumed is told, and a file comes back. */
import { DownloadOutlined } from "@ant-design/icons";
import { Alert, Button } from "antd";
import { ClearableSelect } from "../../ui/ClearableSelect";
import { useState } from "react";
import { addressOf, api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { Panel } from "../../ui/Page";
import { PlainTable } from "../../ui/PlainTable";
import { ProblemText } from "../../ui/States";
import { SizeBar } from "./SizeBar";
import { nameOf, type Segmentation } from "./shapes";
import { type Sent, UploadBox } from "./UploadBox";
import { segments } from "./words";

interface Predicted {
  prediction: string;
  rows: number;
  sizes: Record<string, number>;
  near: number;
  notes: { code: string; column: string; text: string }[];
  sample: { entity: string; segment: number; second: number; margin: number }[];
}

export function PredictTab({ segmentation }: { segmentation: Segmentation }) {
  const w = useWords(segments);
  const { language } = useApp();
  const [sent, setSent] = useState<Sent | null>(null);
  const [entity, setEntity] = useState<string | undefined>();
  const [made, setMade] = useState<Predicted | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const name = segmentation.segmentation;
  const assign = async () => {
    setBusy(true);
    setError(null);
    try {
      const body = { upload: sent?.upload, entity: entity ?? null, version: segmentation.version };
      setMade(await api.post<Predicted>("/api/v1/segments/{name}/predict", { path: { name }, query: { language }, body }));
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  const again = () => {
    setSent(null);
    setMade(null);
    setEntity(undefined);
    setError(null);
  };
  if (made !== null) return <PredictedView segmentation={segmentation} made={made} again={again} />;
  return (
    <Panel title={w.predict}>
      <p className="finding">{w.predictHelp}</p>
      {error !== null && <Alert className="form-alert" type="error" role="alert" title={<ProblemText error={error} />} />}
      {sent === null ? (
        <UploadBox
          done={(file) => {
            setSent(file);
            setEntity(file.guess.entity ?? undefined);
          }}
        />
      ) : (
        <div className="stacked">
          <b translate="no">{sent.name}</b>
          <label htmlFor="predict-key">{w.keyColumn}</label>
          <ClearableSelect id="predict-key" placeholder={w.keyAuto} value={entity} onChange={setEntity} options={sent.columns.map((column) => ({ value: column.name, label: column.name }))} />
          <div className="dialog-actions">
            <Button onClick={again}>{w.anotherFile}</Button>
            <Button type="primary" loading={busy} onClick={() => void assign()}>
              {w.assign}
            </Button>
          </div>
        </div>
      )}
    </Panel>
  );
}

function PredictedView({ segmentation, made, again }: { segmentation: Segmentation; made: Predicted; again: () => void }) {
  const w = useWords(segments);
  const f = useFormat();
  const called = (id: number) => (id === 0 ? w.noSegment : nameOf(segmentation, id));
  const address = addressOf("/api/v1/segments/{name}/predict/{prediction}", { name: segmentation.segmentation, prediction: made.prediction });
  return (
    <Panel
      title={w.assigned(f.number(made.rows))}
      extra={
        <Button type="primary" icon={<DownloadOutlined aria-hidden="true" />} href={address}>
          {w.downloadFile}
        </Button>
      }
    >
      <SizeBar sizes={made.sizes} />
      <dl className="facts facts-two">
        {Object.entries(made.sizes).map(([id, n]) => (
          <div key={id}>
            <dt translate="no">{called(Number(id))}</dt>
            <dd>{f.number(n)}</dd>
          </div>
        ))}
      </dl>
      <p className="quiet after-text">{w.near(f.number(made.near))}</p>
      {made.notes.length > 0 && (
        <>
          <h3 className="sub">{w.assumed}</h3>
          <ul className="bullets">
            {made.notes.map((note) => (
              <li key={`${note.code} ${note.column}`}>{note.text}</li>
            ))}
          </ul>
        </>
      )}
      <div className="after-text">
        <PlainTable label={w.predict} heads={[w.customerKey, w.segment, w.second, { number: w.margin }]}>
          {made.sample.map((row, i) => (
            <tr key={`${row.entity} ${i}`}>
              <th scope="row" translate="no">
                {row.entity}
              </th>
              <td translate="no">{called(row.segment)}</td>
              <td translate="no">{called(row.second)}</td>
              <td className="num">{f.percent(row.margin, 0)}</td>
            </tr>
          ))}
        </PlainTable>
      </div>
      <Button className="card-foot" onClick={again}>
        {w.anotherFile}
      </Button>
    </Panel>
  );
}
