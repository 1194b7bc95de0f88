import { useFormat } from "../../app/context";
import { Strip } from "../../ui/Strip";

/** The sizes of all segments in one bar, each in its colour; those in none are grey. */
export function SizeBar({ sizes }: { sizes: Record<string, number> }) {
  const f = useFormat();
  return <Strip parts={Object.entries(sizes).map(([id, n]) => ({ key: id, said: `${id}: ${f.number(n)}`, amount: n, rest: id === "0" }))} />;
}
