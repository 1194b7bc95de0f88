/** Change what is said of an audience, its refresh among it, without touching its rule. */
import { useQueryClient } from "@tanstack/react-query";
import { Alert, App, Form, Modal } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import type { AudienceDetail } from "../../api/shapes";
import { useApp, useWords } from "../../app/context";
import { AudienceFields, type AudienceValues, bodyOf, valuesOf } from "../../ui/AudienceForm";
import { ProblemText } from "../../ui/States";
import { common } from "../../words/common";
import { audiences } from "./words";

export function AboutDialog({ audience, close }: { audience: AudienceDetail; close: () => void }) {
  const w = useWords(audiences);
  const c = useWords(common);
  const { language } = useApp();
  const { message } = App.useApp();
  const cache = useQueryClient();
  const [form] = Form.useForm<AudienceValues>();
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    setError(null);
    try {
      const values = await form.validateFields();
      const body = { ...bodyOf(values), rule: audience.rule, entity_kind: audience.entity_kind, owner: audience.owner, language, base_version: audience.version };
      await api.put("/api/v1/audiences/{name}", { path: { name: audience.audience }, body });
      void message.success(w.aboutSaved);
      await cache.invalidateQueries({ predicate: (q) => String(q.queryKey[0]).startsWith("audience") });
      close();
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal open title={w.aboutEdit} onCancel={close} onOk={() => void save()} okText={c.save} confirmLoading={busy}>
      <Form<AudienceValues> form={form} layout="vertical" requiredMark={false} initialValues={valuesOf(audience)}>
        {error !== null && <Alert className="form-alert" type="error" title={<ProblemText error={error} />} role="alert" />}
        <AudienceFields named={false} />
      </Form>
    </Modal>
  );
}
