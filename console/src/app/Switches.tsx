import { MoonOutlined, SunOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { common } from "../words/common";
import { useApp, useWords } from "./context";

export function LanguageButton() {
  const { language, setLanguage } = useApp();
  const w = useWords(common);
  const other = language === "en" ? "zh" : "en";
  return (
    <Button type="text" lang={other} onClick={() => setLanguage(other)}>
      {w.languageName}
    </Button>
  );
}

export function ModeButton() {
  const { mode, setMode } = useApp();
  const w = useWords(common);
  const other = mode === "light" ? "dark" : "light";
  const label = other === "dark" ? w.toDark : w.toLight;
  return (
    <Button
      type="text"
      aria-label={label}
      title={label}
      icon={other === "dark" ? <MoonOutlined aria-hidden="true" /> : <SunOutlined aria-hidden="true" />}
      onClick={() => setMode(other)}
    />
  );
}
