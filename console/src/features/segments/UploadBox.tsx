/** A file goes up and is looked at: its columns, for saying which is which. */
import type { Scalar } from "../../api/shapes";
import { useWords } from "../../app/context";
import { DropBox } from "../../ui/FileDrop";
import { segments } from "./words";

export interface Sent {
  upload: string;
  name: string;
  columns: { name: string; sample: Scalar[] }[];
  guess: { entity: string | null };
}

export function UploadBox({ done }: { done: (sent: Sent) => void }) {
  const w = useWords(segments);
  return <DropBox<Sent> drop={w.drop} sending={w.sending} done={done} />;
}
