/** What people say of an audience beside its rule: what for, how long, how often it is refreshed, who sees it. */
import { useQuery } from "@tanstack/react-query";
import { DatePicker, Form, Input, Select, Switch, TimePicker } from "antd";
import dayjs, { type Dayjs } from "dayjs";
import { api } from "../api/client";
import type { AudienceDetail } from "../api/shapes";
import { useApp, useWords } from "../app/context";
import { audienceForm } from "../words/audience";

export interface AudienceValues {
  name: string;
  description: string;
  purpose: string;
  valid_until: Dayjs | null;
  refresh: "once" | "daily" | "trigger";
  refresh_at: Dayjs;
  folder: string;
  shared: boolean;
}

/** The fields; `named` where the name is asked for, too. */
export function AudienceFields({ named }: { named: boolean }) {
  const w = useWords(audienceForm);
  const refresh = Form.useWatch("refresh");
  return (
    <>
      {named && (
        <Form.Item name="name" label={w.nameLabel} rules={[{ required: true, whitespace: true, message: w.nameNeeded }]}>
          <Input maxLength={200} autoComplete="off" />
        </Form.Item>
      )}
      <Form.Item name="description" label={w.descriptionLabel}>
        <Input.TextArea autoSize={{ minRows: 2, maxRows: 5 }} maxLength={2000} />
      </Form.Item>
      <PurposeItem />
      <div className="form-row">
        <Form.Item name="refresh" label={w.refreshMode}>
          <Select
            options={[
              { value: "once", label: w.once },
              { value: "daily", label: w.daily },
              { value: "trigger", label: w.trigger },
            ]}
          />
        </Form.Item>
        {refresh === "daily" && (
          <Form.Item name="refresh_at" label={w.at}>
            <TimePicker format="HH:mm" minuteStep={5} allowClear={false} />
          </Form.Item>
        )}
        <Form.Item name="valid_until" label={w.validUntil}>
          <DatePicker placeholder={w.forEver} />
        </Form.Item>
      </div>
      <div className="form-row">
        <Form.Item name="folder" label={w.folder}>
          <Input maxLength={200} autoComplete="off" />
        </Form.Item>
        <Form.Item name="shared" label={w.shared} valuePropName="checked">
          <Switch />
        </Form.Item>
      </div>
    </>
  );
}

interface Purpose {
  key: string;
  label: string;
  channels: string[];
}

function PurposeItem() {
  const w = useWords(audienceForm);
  const { language } = useApp();
  const purposes = useQuery({
    queryKey: ["purposes", language],
    staleTime: 600_000,
    queryFn: ({ signal }) => api.get<{ purposes: Purpose[] }>("/api/v1/purposes", { query: { language }, signal }),
  });
  const options = (purposes.data?.purposes ?? []).map((row) => ({ value: row.key, label: row.label }));
  return (
    <Form.Item name="purpose" label={w.purpose} extra={w.purposeHelp}>
      <Select options={options} loading={purposes.isPending} />
    </Form.Item>
  );
}

/** What stands in the form of an audience, or of a new one. */
export function valuesOf(known: AudienceDetail | null): Partial<AudienceValues> {
  if (known === null) return { name: "", description: "", purpose: "marketing", refresh: "once", refresh_at: dayjs("06:00", "HH:mm"), folder: "", shared: true };
  const [mode, at] = known.refresh.split(" ");
  return {
    name: known.audience,
    description: known.description,
    purpose: known.purpose,
    valid_until: known.valid_until === null ? null : dayjs(known.valid_until),
    refresh: (mode ?? "once") as AudienceValues["refresh"],
    refresh_at: dayjs(`2000-01-01T${at ?? "06:00"}`),
    folder: known.folder,
    shared: known.shared,
  };
}

/** What is sent of it. */
export function bodyOf(values: AudienceValues) {
  const { name: _name, refresh_at, valid_until, ...rest } = values;
  return {
    ...rest,
    valid_until: valid_until == null ? null : valid_until.format("YYYY-MM-DD"),
    refresh: values.refresh === "daily" ? `daily ${(refresh_at ?? dayjs("2000-01-01T06:00")).format("HH:mm")}` : values.refresh,
  };
}
