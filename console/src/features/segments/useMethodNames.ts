/** Names of methods for people; of one that is not known here, its own name. */
import { useWords } from "../../app/context";
import { methodWords } from "./words";

export function useMethodNames(): (method: string) => string {
  const w: Record<string, string> = useWords(methodWords);
  return (method) => w[method] ?? method;
}
