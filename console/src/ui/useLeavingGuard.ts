/** Asks before a screen is left with changes that were not saved. */
import { useEffect } from "react";
import { guardLeaving } from "../app/router";

export function useLeavingGuard(changed: boolean, question: string) {
  useEffect(() => {
    if (!changed) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    const free = guardLeaving(() => window.confirm(question));
    return () => {
      window.removeEventListener("beforeunload", ask);
      free();
    };
  }, [changed, question]);
}
