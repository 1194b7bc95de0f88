/** A value that follows another when that has rested: what is typed is not asked about at every key. */
import { useEffect, useState } from "react";

const PAUSE_MS = 450;

export function useRested<T>(value: T): T {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return rested;
}
