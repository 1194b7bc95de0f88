import { useQuery, useQueryClient } from "@tanstack/react-query";
import { App, Button, Input, InputNumber, Tag } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import { useApp, useWords } from "../../app/context";
import { Panel } from "../../ui/Page";
import { ErrorState, Loading, ProblemText } from "../../ui/States";
import { common } from "../../words/common";
import { settings } from "./words";

interface SettingRow {
  name: string;
  value: string | number | null;
  default: string | number;
  help: string;
  secret: boolean;
  set: boolean | null;
  changed: boolean;
  from_environment: boolean;
  fixed: boolean;
}

export function WorkspaceSettings() {
  const w = useWords(settings);
  const { language } = useApp();
  const found = useQuery({ queryKey: ["settings", language], queryFn: ({ signal }) => api.get<{ settings: SettingRow[] }>("/api/v1/settings", { query: { language }, signal }) });
  if (found.isError) return <ErrorState error={found.error} />;
  if (found.data === undefined) return <Loading />;
  return (
    <Panel flush>
      <ul className="lines lines-roomy" aria-label={w.workspace}>
        {found.data.settings.map((row) => (
          <SettingLine key={row.name} row={row} />
        ))}
      </ul>
    </Panel>
  );
}

function SettingLine({ row }: { row: SettingRow }) {
  const w = useWords(settings);
  const c = useWords(common);
  const cache = useQueryClient();
  const { message } = App.useApp();
  const [typed, setTyped] = useState<string | number | null>(row.value);
  const changed = typed !== row.value && typed !== null && typed !== "";
  const locked = row.fixed || row.from_environment;
  const act = async (work: () => Promise<unknown>) => {
    try {
      await work();
      void message.success(w.saved);
      await cache.invalidateQueries({ queryKey: ["settings"] });
    } catch (error) {
      void message.error(<ProblemText error={error} />);
    }
  };
  const save = () => act(() => api.put("/api/v1/settings/{name}", { path: { name: row.name }, body: { value: typed } }));
  const reset = () => act(() => api.delete("/api/v1/settings/{name}", { path: { name: row.name } }).then(() => setTyped(row.default)));
  return (
    <li>
      <div className="setting-words">
        <span className="code" translate="no" id={`setting-${row.name}`}>
          {row.name}
        </span> {row.changed && <Tag className="tone tone-busy">{w.changed}</Tag>}
        <p className="quiet small">{row.help}</p>
      </div>
      <span className="spacer" />
      {locked ? (
        <span className="quiet small">{w.environment}</span>
      ) : (
        <span className="setting-value">
          {typeof row.default === "number" ? (
            <InputNumber aria-labelledby={`setting-${row.name}`} value={typeof typed === "number" ? typed : null} onChange={(next) => setTyped(next)} controls={false} />
          ) : (
            <Input
              aria-labelledby={`setting-${row.name}`}
              type={row.secret ? "password" : "text"}
              autoComplete="off"
              placeholder={row.secret && row.set ? w.secretSet : undefined}
              value={typed ?? ""}
              onChange={(event) => setTyped(event.target.value)}
            />
          )}
          {changed && (
            <Button type="primary" onClick={() => void save()}>
              {c.save}
            </Button>
          )}
          {row.changed && !changed && (
            <Button type="text" onClick={() => void reset()}>
              {w.reset}
            </Button>
          )}
        </span>
      )}
    </li>
  );
}
