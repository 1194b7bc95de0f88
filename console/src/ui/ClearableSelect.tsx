/** A select whose choice can be taken back, with the clearing in the page's language. */
import { CloseCircleFilled } from "@ant-design/icons";
import { Select, type SelectProps } from "antd";
import { useWords } from "../app/context";
import { common } from "../words/common";

export function useClear() {
  const w = useWords(common);
  return { clearIcon: <CloseCircleFilled />, label: w.clear };
}

export function ClearableSelect<Value>(props: SelectProps<Value>) {
  return <Select<Value> {...props} allowClear={useClear()} />;
}
