import { pairs } from "../../words/pairs";

export const session = pairs({
  welcome: ["Welcome to Coterie", "欢迎使用 Coterie"],
  setupLead: ["Make the administrator of this workspace. It takes a minute.", "为此工作区创建管理员，只需一分钟。"],
  token: ["One-time token", "一次性令牌"],
  tokenHelp: ["`coterie serve` printed it where it was started.", "启动 `coterie serve` 时会在终端打印该令牌。"],
  tokenNeeded: ["Enter the token that the server printed.", "请输入服务器打印的令牌。"],
  yourName: ["Your name", "用户名"],
  nameNeeded: ["Enter a name.", "请输入用户名。"],
  password: ["Password", "密码"],
  passwordHelp: ["At least 10 characters; a sentence is easiest to keep in mind.", "至少 10 个字符；用一句话最容易记住。"],
  passwordShort: ["At least 10 characters.", "至少 10 个字符。"],
  passwordNeeded: ["Enter your password.", "请输入密码。"],
  create: ["Create the workspace's administrator", "创建管理员"],
  signIn: ["Sign in", "登录"],
  signInLead: [(workspace: string) => `to ${workspace}`, (workspace: string) => `登录 ${workspace}`],
  withOidc: ["Sign in with your organisation", "使用组织账号登录"],
  noAccount: ["No account yet? An administrator makes one under Settings.", "还没有账户？请管理员在“设置”中创建。"],
  alreadySet: ["This workspace has its administrator.", "此工作区已有管理员。"],
  pitch1: ["Know every customer.", "了解每一位客户"],
  pitch2: ["Choose exactly the right ones.", "精准圈定人群"],
  pitch3: ["See what it brought.", "看见真实效果"],
});
