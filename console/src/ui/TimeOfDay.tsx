/** A time of day such as `09:00`, or none. */
import { TimePicker } from "antd";
import dayjs from "dayjs";

interface Props {
  control: { id: string; status: "error" | undefined; "aria-describedby": string | undefined };
  value: string | undefined;
  onChange: (time: string) => void;
}

export function TimeOfDay({ control, value, onChange }: Props) {
  const at = value ? dayjs(`2000-01-01T${value}`) : null;
  return <TimePicker {...control} format="HH:mm" needConfirm={false} value={at?.isValid() ? at : null} onChange={(next) => onChange(dayjs.isDayjs(next) ? next.format("HH:mm") : "")} />;
}
