/** Keeps a fault of one part of the page from taking the rest with it. */
import { Button } from "antd";
import { Component, type ReactNode } from "react";
import { useWords } from "../app/context";
import { common } from "../words/common";

interface Props {
  children: ReactNode;
  /** What makes the part fresh again when it changes: the address. */
  part: string;
}

export class Boundary extends Component<Props, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override componentDidUpdate(before: Props) {
    if (before.part !== this.props.part && this.state.failed) this.setState({ failed: false });
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return <Crashed again={() => this.setState({ failed: false })} />;
  }
}

function Crashed({ again }: { again: () => void }) {
  const w = useWords(common);
  return (
    <div className="state" role="alert">
      <p className="state-title">{w.crashed}</p>
      <p className="state-hint">{w.crashedHint}</p>
      <Button onClick={again}>{w.reload}</Button>
    </div>
  );
}
