/** What the parts of messages are called; of one that is not known here, its own name. */
import { useWords } from "../app/context";
import { pairs } from "../words/pairs";

const names = pairs({
  subject: ["Subject", "主题"],
  text: ["Text", "正文"],
  html: ["Formatted text (HTML)", "富文本（HTML）"],
  from_name: ["From", "发件人名称"],
  reply_to: ["Reply to", "回复地址"],
  title: ["Title", "标题"],
  body: ["Body", "内容"],
  image: ["Image", "图片"],
  deep_link: ["Link", "跳转链接"],
  data: ["Fields", "字段"],
  template_id: ["Template of the account", "模板编号"],
  url: ["Link", "链接"],
  signature: ["Signature", "签名"],
  thanks: ["After it was done", "完成后显示"],
  template: ["Template of the library", "内容库模板"],
  then: ["Leads on to", "完成后跳转"],
});

export function usePartWords(): (name: string) => string {
  const w: Record<string, string> = useWords(names);
  return (name) => w[name] ?? name;
}
