/** A file goes up and is looked at: its columns, for saying which is which. */
import { InboxOutlined } from "@ant-design/icons";
import { Alert, Upload } from "antd";
import { useState } from "react";
import { api, sendFile } from "../../api/client";
import type { Scalar } from "../../api/shapes";
import { useFormat, useWords } from "../../app/context";
import { ProblemText } from "../../ui/States";
import { segments } from "./words";

export interface Sent {
  upload: string;
  name: string;
  columns: { name: string; sample: Scalar[] }[];
  guess: { entity: string | null };
}

export function UploadBox({ done }: { done: (sent: Sent) => void }) {
  const w = useWords(segments);
  const f = useFormat();
  const [share, setShare] = useState<number | null>(null);
  const [error, setError] = useState<unknown>(null);
  const send = async (file: File) => {
    setError(null);
    setShare(0);
    try {
      const kept = await sendFile<{ upload: string }>("/api/v1/uploads", file, setShare);
      const look = await api.post<Omit<Sent, "upload">>("/api/v1/uploads/{upload}/look", { path: { upload: kept.upload } });
      done({ ...look, upload: kept.upload });
    } catch (problem) {
      setError(problem);
    } finally {
      setShare(null);
    }
  };
  return (
    <>
      {error !== null && <Alert className="form-alert" type="error" role="alert" title={<ProblemText error={error} />} />}
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
        <p className="state-title">{share === null ? w.drop : w.sending(f.percent(share, 0))}</p>
      </Upload.Dragger>
    </>
  );
}
