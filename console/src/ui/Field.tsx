/** A labelled field that tells the server's refusal where it belongs: at the field whose place the error names. */
import { Alert } from "antd";
import { createContext, type ReactNode, useContext, useId } from "react";
import { ApiError } from "../api/client";
import { ProblemText } from "./States";
import "./marketing.css";

const Refusal = createContext<unknown>(null);

/** Fields within tell what of the error belongs to them. */
export const RefusalProvider = Refusal.Provider;

/** Whether an error's place is a field's, or inside of it: `content.subject:2` is inside `content.subject`. */
export function isAt(error: unknown, place: string): boolean {
  if (!(error instanceof ApiError) || error.place === null) return false;
  const given = error.place.replace(/^(campaign|definition|journey)\./, "");
  return given === place || (given.startsWith(place) && /^[.[:]/.test(given.slice(place.length)));
}

/** What is wrong at the first of the places that an error names, for a field. */
export function useRefusal(places: string[]): ApiError | null {
  const error = useContext(Refusal);
  return places.some((place) => isAt(error, place)) ? (error as ApiError) : null;
}

interface Props {
  label: ReactNode;
  /** Where the server's errors on this field are. */
  place?: string | string[];
  hint?: ReactNode;
  extra?: ReactNode;
  /** The control, given the id that the label names and whether it is refused. */
  children: (control: { id: string; status: "error" | undefined; "aria-describedby": string | undefined }) => ReactNode;
}

export function Field({ label, place, hint, extra, children }: Props) {
  const id = useId();
  const error = useRefusal(place === undefined ? [] : typeof place === "string" ? [place] : place);
  const note = `${id}-note`;
  const told = error !== null || hint !== undefined;
  return (
    <div className="field" data-refused={error !== null}>
      <label htmlFor={id}>
        {label} {extra}
      </label>
      {children({ id, status: error === null ? undefined : "error", "aria-describedby": told ? note : undefined })}
      {told && (
        <div id={note}>
          {error !== null ? (
            <p className="field-error" role="alert">
              <ProblemText error={error} />
            </p>
          ) : (
            <p className="field-hint">{hint}</p>
          )}
        </div>
      )}
    </div>
  );
}

/** An error above the fields, where none of them has told it. */
export function RefusalAbove({ error, places }: { error: unknown; places: string[] }) {
  if (error === null || places.some((place) => isAt(error, place))) return null;
  const place = error instanceof ApiError ? error.place : null;
  return (
    <Alert
      className="form-alert"
      type="error"
      role="alert"
      title={
        <>
          <ProblemText error={error} /> {place !== null && <span className="code" translate="no">{place}</span>}
        </>
      }
    />
  );
}
