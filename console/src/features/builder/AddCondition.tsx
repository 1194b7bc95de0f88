/** A button that offers everything a condition can be about, by search: the way without mouse and without the tree. */
import { PlusOutlined } from "@ant-design/icons";
import { Button, Popover } from "antd";
import { useState } from "react";
import { useWords } from "../../app/context";
import type { JsonObject } from "./rule";
import { TreePanel } from "./TreePanel";
import type { Vocabulary } from "./vocabulary";
import { builder } from "./words";

export function AddCondition({ add, vocabulary }: { add: (leaf: JsonObject) => void; vocabulary: Vocabulary }) {
  const w = useWords(builder);
  const [open, setOpen] = useState(false);
  const choose = (leaf: JsonObject) => {
    setOpen(false);
    add(leaf);
  };
  return (
    <Popover
      open={open}
      onOpenChange={setOpen}
      trigger="click"
      placement="bottomLeft"
      destroyOnHidden
      content={
        <div className="add-popover">
          <TreePanel vocabulary={vocabulary} add={choose} />
        </div>
      }
    >
      <Button size="small" type="dashed" icon={<PlusOutlined aria-hidden="true" />} aria-haspopup="dialog" aria-expanded={open}>
        {w.addCondition}
      </Button>
    </Popover>
  );
}
