/** Somebody saved a newer version: keep mine as the next one, or take theirs. */
import { Button, Modal } from "antd";
import { useWords } from "../app/context";
import { common } from "../words/common";
import { pairs } from "../words/pairs";

const words = pairs({
  title: ["Somebody saved a newer version", "他人已保存更新的版本"],
  text: [(version: number) => `Version ${version} is theirs. Yours is not lost.`, (version: number) => `版本 ${version} 由他人保存，您的修改没有丢失。`],
  mine: ["Save mine as the next version", "以我的为新版本保存"],
  theirs: ["Take theirs", "采用他人的版本"],
});

export function ConflictDialog({ version, close, mine, theirs }: { version: number; close: () => void; mine: () => void; theirs: () => void }) {
  const w = useWords(words);
  const c = useWords(common);
  return (
    <Modal
      open
      title={w.title}
      onCancel={close}
      footer={
        <>
          <Button onClick={close}>{c.cancel}</Button>
          <Button onClick={theirs}>{w.theirs}</Button>
          <Button type="primary" onClick={mine}>
            {w.mine}
          </Button>
        </>
      }
    >
      <p>{w.text(version)}</p>
    </Modal>
  );
}
