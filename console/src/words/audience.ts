import { pairs } from "./pairs";

/** What people say of an audience beside its rule. */
export const audienceForm = pairs({
  nameLabel: ["Name", "名称"],
  nameNeeded: ["Give it a name.", "请填写名称。"],
  descriptionLabel: ["What is it for?", "用途说明"],
  purpose: ["Purpose", "使用目的"],
  purposeHelp: ["It decides which channels may be used.", "决定允许使用的渠道。"],
  validUntil: ["Valid until", "有效期至"],
  forEver: ["no end", "长期有效"],
  refreshMode: ["Refresh", "更新频率"],
  once: ["Once, when asked", "单次更新"],
  daily: ["Every day", "每日更新"],
  trigger: ["When new data arrives", "触发更新"],
  at: ["at", "时间"],
  folder: ["Folder", "文件夹"],
  shared: ["Everyone in the team sees it", "团队成员可见"],
});
