/** Colours and type: one accent, warm greys, roomy spacing; light and dark. */
import { type ThemeConfig, theme as antd } from "antd";

export type Mode = "light" | "dark";

const FONT =
  '"Inter Variable", -apple-system, "Segoe UI", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif';

interface Tones {
  accent: string;
  accentText: string;
  page: string;
  card: string;
  raised: string;
  line: string;
  text: string;
  quiet: string;
}

export const TONES: Record<Mode, Tones> = {
  light: {
    accent: "#0c7566",
    accentText: "#0a6558",
    page: "#f8f7f4",
    card: "#ffffff",
    raised: "#ffffff",
    line: "#e8e5de",
    text: "#1d1f1e",
    quiet: "#5e625f",
  },
  dark: {
    accent: "#34b8a1",
    accentText: "#5ccdb9",
    page: "#131514",
    card: "#1b1e1d",
    raised: "#242827",
    line: "#313634",
    text: "#eceeec",
    quiet: "#a3aaa6",
  },
};

/** Okabe and Ito's colours (2008), told apart by every kind of colour blindness; the accent comes first. */
export const SERIES: Record<Mode, string[]> = {
  light: ["#0c7566", "#e69f00", "#0072b2", "#cc79a7", "#d55e00", "#56b4e9", "#6b6f6c"],
  dark: ["#34b8a1", "#e6a91f", "#4a9fd8", "#d78fb6", "#e57a3c", "#7cc4ee", "#a3aaa6"],
};

export function themeOf(mode: Mode): ThemeConfig {
  const t = TONES[mode];
  const dark = mode === "dark";
  return {
    algorithm: dark ? antd.darkAlgorithm : antd.defaultAlgorithm,
    cssVar: { key: `coterie-${mode}` },
    token: {
      motion: !window.matchMedia("(prefers-reduced-motion: reduce)").matches,
      colorPrimary: t.accent,
      colorLink: t.accentText,
      colorLinkHover: t.accent,
      colorInfo: t.accent,
      colorBgLayout: t.page,
      colorBgContainer: t.card,
      colorBgElevated: t.raised,
      colorBorder: dark ? "#454c49" : "#d4d0c7",
      colorBorderSecondary: t.line,
      colorText: t.text,
      colorTextSecondary: t.quiet,
      colorTextTertiary: t.quiet,
      colorTextDescription: t.quiet,
      colorTextPlaceholder: dark ? "#949b97" : "#70746f",
      colorSuccess: dark ? "#49b882" : "#237a4b",
      colorWarning: dark ? "#e0a63c" : "#a86400",
      colorError: dark ? "#f0786a" : "#c0392b",
      colorInfoBg: dark ? "#1b2b28" : "#eef6f4",
      colorInfoBorder: dark ? "#2c4a44" : "#bfdcd6",
      colorSuccessBg: dark ? "#1a2b21" : "#eef7f1",
      colorSuccessBorder: dark ? "#2b4a37" : "#bfe0cc",
      colorWarningBg: dark ? "#2d2617" : "#fdf6e7",
      colorWarningBorder: dark ? "#4d4122" : "#ecd9ab",
      colorErrorBg: dark ? "#2f1f1d" : "#fcefed",
      colorErrorBorder: dark ? "#57312c" : "#ecc4be",
      borderRadius: 9,
      borderRadiusLG: 14,
      borderRadiusSM: 7,
      controlHeight: 36,
      controlHeightSM: 30,
      controlHeightLG: 44,
      fontFamily: FONT,
      fontSize: 14,
      lineHeight: 1.55,
      wireframe: false,
      boxShadow: "0 8px 30px rgba(20, 24, 22, .10)",
      boxShadowSecondary: "0 10px 36px rgba(20, 24, 22, .14)",
    },
    components: componentsOf(t, dark),
  };
}

function componentsOf(t: Tones, dark: boolean): ThemeConfig["components"] {
  return {
    Button: { primaryShadow: "none", defaultShadow: "none", dangerShadow: "none", fontWeight: 550, primaryColor: dark ? "#04211c" : "#ffffff", dangerColor: dark ? "#2a0d09" : "#ffffff" },
    Card: { paddingLG: 24, headerFontSize: 15 },
    Table: {
      headerBg: "transparent",
      headerColor: t.quiet,
      headerSplitColor: "transparent",
      rowHoverBg: dark ? "#222625" : "#f6f5f1",
      cellPaddingBlock: 13,
      bodySortBg: "transparent",
      headerSortActiveBg: "transparent",
      headerSortHoverBg: dark ? "#222625" : "#f6f5f1",
      fixedHeaderSortActiveBg: t.card,
      borderColor: t.line,
    },
    Menu: {
      itemBg: "transparent",
      itemSelectedBg: dark ? "#1f3a35" : "#e3f0ed",
      itemSelectedColor: t.accentText,
      itemHeight: 38,
      itemBorderRadius: 9,
      activeBarBorderWidth: 0,
    },
    Segmented: { itemSelectedBg: t.card, trackBg: dark ? "#262b29" : "#efede7" },
    Tabs: { horizontalItemPadding: "10px 2px", horizontalItemGutter: 26, titleFontSize: 14 },
    Tag: { defaultBg: dark ? "#262b29" : "#f2f0ea", defaultColor: t.text },
    Dropdown: { colorError: dark ? "#ff9c90" : "#b5311f" },
    Tooltip: { colorBgSpotlight: dark ? "#39403d" : "#262a28" },
    Modal: { titleFontSize: 18 },
    Drawer: { footerPaddingInline: 24 },
  };
}

/** Put the tones where plain CSS reads them. */
export function showTones(mode: Mode): void {
  const root = document.documentElement;
  root.dataset.theme = mode;
  root.style.colorScheme = mode;
  for (const [name, value] of Object.entries(TONES[mode])) {
    const css = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    root.style.setProperty(`--${css}`, value);
  }
}
