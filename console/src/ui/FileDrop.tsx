/** A file goes up and is looked at: what its columns are, and its first rows. */
import { InboxOutlined } from "@ant-design/icons";
import { Upload } from "antd";
import { useState } from "react";
import { api, sendFile } from "../api/client";
import { useFormat } from "../app/context";
import { RefusalAbove } from "./Field";
import { Panel } from "./Page";

interface Props<T extends { upload: string }> {
  drop: string;
  hint?: string;
  sending: (share: string) => string;
  done: (look: T) => void;
}

export function FileDrop<T extends { upload: string }>(props: Props<T>) {
  return (
    <Panel>
      <DropBox {...props} />
    </Panel>
  );
}

/** The same without a frame of its own, where it stands within something. */
export function DropBox<T extends { upload: string }>({ drop, hint, sending, done }: Props<T>) {
  const f = useFormat();
  const [share, setShare] = useState<number | null>(null);
  const [error, setError] = useState<unknown>(null);
  const send = async (file: File) => {
    setError(null);
    setShare(0);
    try {
      const kept = await sendFile<{ upload: string }>("/api/v1/uploads", file, setShare);
      const look = await api.post<T>("/api/v1/uploads/{upload}/look", { path: { upload: kept.upload } });
      done({ ...look, upload: kept.upload });
    } catch (problem) {
      setError(problem);
    } finally {
      setShare(null);
    }
  };
  return (
    <>
      <RefusalAbove error={error} places={[]} />
      <Upload.Dragger
        showUploadList={false}
        disabled={share !== null}
        beforeUpload={(file) => {
          void send(file);
          return false;
        }}
      >
        <p className="drop-icon">
          <InboxOutlined aria-hidden="true" />
        </p>
        <p className="state-title">{share === null ? drop : sending(f.percent(share, 0))}</p>
        {hint !== undefined && <p className="state-hint">{hint}</p>}
      </Upload.Dragger>
    </>
  );
}
