/** A card for each segment: how many, how much, how sure, who they are and what to do; and what people said of them. */
import { App, Button, Tag } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import { useApp, useFormat, useWords } from "../../app/context";
import { Share } from "../../ui/Figure";
import { Panel } from "../../ui/Page";
import { ProblemText } from "../../ui/States";
import { AudienceDialog, RenameDialog, useReadAgain, WrongDialog } from "./Dialogs";
import { SizeBar } from "./SizeBar";
import { type Mark, nameOf, type Segmentation, type SegmentRow } from "./shapes";
import { segments } from "./words";

const LIGHTS = { high: "good", valid: "good", doubtful: "warn", unstable: "bad" } as const;

export function StabilityTag({ row }: { row: SegmentRow }) {
  const w = useWords(segments);
  const f = useFormat();
  if (row.stability === null || row.band === null) return null;
  return (
    <Tag className={`tone tone-${LIGHTS[row.band]}`} title={w.stability}>
      {`${row.word ?? ""} ${f.number(row.stability, 2)}`}
    </Tag>
  );
}

type Open = { kind: "rename" | "wrong" | "audience"; row: SegmentRow } | null;

export function Cards({ segmentation }: { segmentation: Segmentation }) {
  const { allowed } = useApp();
  const [open, setOpen] = useState<Open>(null);
  const may = allowed === null || allowed.has("define");
  const name = segmentation.segmentation;
  const close = () => setOpen(null);
  return (
    <>
      <Panel>
        <SizeBar sizes={segmentation.sizes} />
      </Panel>
      <div className="cards">
        {segmentation.segments.map((row) => (
          <Card key={row.segment} row={row} marks={segmentation.marks.filter((mark) => mark.segment === row.segment)} open={may ? setOpen : undefined} />
        ))}
      </div>
      <MarkList segmentation={segmentation} />
      {open?.kind === "rename" && <RenameDialog name={name} row={open.row} close={close} />}
      {open?.kind === "wrong" && <WrongDialog segmentation={segmentation} row={open.row} close={close} />}
      {open?.kind === "audience" && <AudienceDialog name={name} row={open.row} close={close} />}
    </>
  );
}

function Card({ row, marks, open }: { row: SegmentRow; marks: Mark[]; open?: (asked: Open) => void }) {
  const w = useWords(segments);
  const f = useFormat();
  const action = row.action || row.suggested_action;
  return (
    <Panel title={<span translate="no">{row.name}</span>} extra={<StabilityTag row={row} />}>
      <p className="figure-value">{f.number(row.size)}</p>
      <dl className="facts">
        <div>
          <dt>{w.ofCustomers}</dt>
          <dd>
            <Share share={row.share} />
          </dd>
        </div>
        {row.share_of_money != null && (
          <div>
            <dt>{w.ofRevenue}</dt>
            <dd>
              <Share share={row.share_of_money} />
            </dd>
          </div>
        )}
        {row.owner !== "" && (
          <div>
            <dt>{w.owner}</dt>
            <dd translate="no">{row.owner}</dd>
          </div>
        )}
      </dl>
      {row.rule !== null && (
        <>
          <h3 className="sub">{w.rule}</h3>
          <p translate="no">{row.rule}</p>
          {row.recall !== null && row.precision !== null && <p className="quiet small">{w.ruleFit(f.percent(row.recall, 0), f.percent(row.precision, 0))}</p>}
        </>
      )}
      {action && (
        <>
          <h3 className="sub">
            {w.action} {row.action === "" && <span className="chip">{w.suggested}</span>}
          </h3>
          <p translate="no">{action}</p>
        </>
      )}
      {open !== undefined && row.segment !== 0 && (
        <div className="card-foot card-actions">
          <Button size="small" onClick={() => open({ kind: "audience", row })}>
            {w.toAudience}
          </Button>
          <Button size="small" type="text" onClick={() => open({ kind: "rename", row })}>
            {w.rename}
          </Button>
          <Button size="small" type="text" onClick={() => open({ kind: "wrong", row })}>
            {w.wrong}
          </Button>
          {marks.length > 0 && <span className="chip">{w.marked(marks.length)}</span>}
        </div>
      )}
    </Panel>
  );
}

function MarkList({ segmentation }: { segmentation: Segmentation }) {
  const w = useWords(segments);
  const f = useFormat();
  const { allowed, language } = useApp();
  const { modal, message } = App.useApp();
  const again = useReadAgain(segmentation.segmentation);
  const kinds = { segment: w.wrongSegment, name: w.wrongName, reason: w.wrongReason, customer: w.wrongCustomer };
  const withdraw = async (mark: Mark) => {
    try {
      await api.delete("/api/v1/segments/{name}/marks/{mark}", { path: { name: segmentation.segmentation, mark: mark.id } });
      await again();
    } catch (error) {
      void message.error(<ProblemText error={error} />);
    }
  };
  const ask = (mark: Mark) => modal.confirm({ title: w.withdraw, content: w.withdrawAsk, okText: w.withdraw, onOk: () => withdraw(mark) });
  const said = (mark: Mark) => {
    const called = language === "zh" ? (mark.name_zh ?? mark.name_en) : (mark.name_en ?? mark.name_zh);
    return [called === null ? "" : w.callsIt(called), mark.note].filter(Boolean).join(" · ");
  };
  return (
    <Panel title={w.marks} className="after-cards">
      {segmentation.marks.length === 0 ? (
        <p className="quiet">{w.marksNone}</p>
      ) : (
        <ul className="lines">
          {segmentation.marks.map((mark) => (
            <li key={mark.id}>
              <span className="setting-words">
                <b translate="no">{nameOf(segmentation, mark.segment)}</b> <span className="chip">{kinds[mark.what]}</span>
                {mark.entity !== null && <span translate="no"> {mark.entity}</span>}
                <br />
                <span translate="no">{said(mark)}</span>
                <br />
                <span className="quiet small">
                  <span translate="no">{mark.by}</span> · {f.moment(mark.at)}
                </span>
              </span>
              {(allowed === null || allowed.has("define")) && (
                <Button size="small" type="text" onClick={() => ask(mark)}>
                  {w.withdraw}
                </Button>
              )}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
