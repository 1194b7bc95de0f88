/** What a job is called, and how it stands. */
import { Tag } from "antd";
import type { JobRow } from "../api/shapes";
import { useWords } from "../app/context";
import { pairs } from "../words/pairs";

const states = pairs({
  waiting: ["Waiting", "等待中"],
  running: ["Running", "运行中"],
  completed: ["Done", "已完成"],
  cancelled: ["Cancelled", "已取消"],
  failed: ["Failed", "失败"],
});

const names = pairs({
  import: ["Import", "导入数据"],
  "import.source": ["Import from a source", "从数据源导入"],
  "tags.build": ["Build tags", "生成标签"],
  "tags.upkeep": ["Number new events", "整理新事件"],
  "tags.vacuum": ["Delete unused files", "清理无用文件"],
  "audiences.refresh": ["Refresh an audience", "更新人群包"],
  "audiences.watch": ["Refresh after new data", "新数据后更新人群包"],
  "audiences.check_alerts": ["Check alerts", "检查告警"],
  "audiences.alert": ["Send an alert", "发送告警"],
  "audiences.sync": ["Send an audience", "同步人群包"],
  "segments.fit": ["Find segments", "计算分群"],
  "segments.refit": ["Find segments again", "重新计算分群"],
  "segments.update": ["Follow the data", "增量更新分群"],
  "segments.use": ["Use another version", "启用分群版本"],
  "segments.rebuild": ["Make segments again", "核对分群"],
  "campaigns.send": ["Send a campaign", "发送营销活动"],
  "campaigns.due": ["Look for due campaigns", "检查待发活动"],
  "campaigns.goals": ["Count goals", "统计活动目标"],
  "journeys.advance": ["Move journeys on", "推进旅程"],
  "journeys.prune": ["Remove journeys' old lists", "清理旅程的旧名单"],
  "segments.report": ["Draw a report", "生成分群报告"],
});

const TONE: Record<JobRow["state"], string> = { waiting: "quiet", running: "busy", completed: "good", cancelled: "quiet", failed: "bad" };

export function JobState({ state }: { state: JobRow["state"] }) {
  const w = useWords(states);
  return <Tag className={`tone tone-${TONE[state]}`}>{w[state]}</Tag>;
}

export function useStates(): Record<JobRow["state"], string> {
  return useWords(states);
}

/** Names of jobs for people; of one that is not known here, its own name. */
export function useJobNames(): (job: string) => string {
  const w: Record<string, string> = useWords(names);
  return (job) => w[job] ?? job;
}
