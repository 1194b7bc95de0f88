"""Errors in Chinese: a sentence and a way out for every code, and the commonest messages word by word.

Messages are written in English where they arise, with names and numbers in them. A message whose shape stands in
`SENTENCES` is told in full. Of any other, the sentence of its code is told, and after it the names and numbers that the
message quotes: less exact, and never English. Names, codes, commands and places are data and stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from coterie.errors import CoterieError
from coterie.settings import Setting

Told = Mapping[str, str | None]

ERRORS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        # workspace
        "not_a_workspace": ("该文件夹不是工作区。", "请先新建工作区，或检查路径。"),
        "workspace_exists": ("此处已有工作区。", "请打开已有工作区，或另选文件夹。"),
        "newer_workspace": ("工作区由更新的版本写入，未作任何改动。", "请升级后再打开。"),
        "read_only": ("工作区无法写入：文件夹或文件系统为只读。", "请开放写权限，或另选文件夹。"),
        "disk_full": ("磁盘已满，此前发布的内容不受影响。", "请清理空间后重试。"),
        "locked": ("另一个进程正在占用，等待超时。", "请稍后重试。"),
        "damaged": ("工作区的某个文件缺失或无法读取。", "请运行 `coterie doctor` 查看原因。"),
        "no_database": ("元数据库无法连接或使用。", "请检查设置 `metadata_url`。"),
        "type_changed": ("列的类型与已有数据不一致，未发布任何内容。", "请统一类型后重新导入，或换一个数据集名称。"),
        "out_of_memory": ("查询所需内存超过上限。", "请调高设置 `memory_limit_mb`，或缩小查询范围。"),
        "bad_setting": ("设置项的取值无效。", "请按设置说明填写。"),
        # names and values at the doors
        "unknown_name": ("没有该名称的内容。", "请检查名称，或刷新页面后重试。"),
        "bad_argument": ("某个参数的取值无法使用。", "请检查填写的内容。"),
        "bad_moment": ("无法识别该时间。", "请写成“2011-12-10”或“2011-12-10T08:00”。"),
        "missing_extra": ("缺少需要另外安装的组件。", "请联系管理员安装。"),
        "address_taken": ("监听地址已被占用或不属于本机。", "请换一个地址或端口。"),
        "not_signed_in": ("请先登录。", "请登录，或使用有效的接口令牌。"),
        "bad_login": ("用户名或密码不正确。", "请重新输入，或联系管理员。"),
        "weak_password": ("密码太短、太长或太容易猜到。", "请使用几个词组成的句子，或由密码管理器生成。"),
        "too_many_tries": ("登录失败次数过多。", "请稍等片刻再试。"),
        "forged": ("请求来自其他网站，或会话校验失败。", "请刷新页面后重试。"),
        "sign_in_failed": ("登录服务拒绝了请求，或其答复不可信。", "请重试；若仍失败，请联系管理员。"),
        "too_large": ("请求内容超过允许的大小。", "请缩小内容，或调高上限设置。"),
        "too_slow": ("请求内容传输过慢。", "请检查网络后重试。"),
        "newer_version": ("他人已保存更新的版本，您的修改尚未保存。", "请对比两个版本后再保存。"),
        "not_allowed": ("您没有执行此操作的权限。", "请联系管理员开通权限。"),
        "in_use": ("该内容正被其他内容引用。", "请先修改或删除引用它的内容。"),
        "job_ended": ("任务已结束，无法取消。", "无需再取消。"),
        "job_running": ("任务仍在等待、运行或已完成。", "只有失败或已取消的任务可以继续。"),
        "internal": ("出现了意料之外的问题，这是我们的错误。", "请查看服务日志，并反馈给我们。"),
        "not_delivered": ("接收方拒绝接收或无法连接，已确认的内容不会重复发送。", "请检查接收方后重试。"),
        "cancelled": ("任务已被人为停止，此前发布的内容保留。", "如有需要，请重新运行。"),
        "unfitted": ("模型尚未训练，没有结果。", "请先训练模型。"),
        # importing
        "missing_file": ("文件不存在。", "请检查路径，或重新上传。"),
        "not_a_file": ("此处需要文件，而给出的是文件夹。", "请选择文件。"),
        "unreadable_file": ("没有读取该文件的权限。", "请开放读取权限。"),
        "empty_file": ("文件或工作表为空。", "请检查导出的文件。"),
        "no_rows": ("只有表头，没有数据行。", "请提供至少一行数据。"),
        "no_header": ("首行不是列名。", "请在首行写明列名。"),
        "duplicate_columns": ("存在同名的列（不区分大小写）。", "请重命名其中一列。"),
        "wrong_delimiter": ("指定的分隔符无法拆分该文件。", "请改用文件实际的分隔符。"),
        "unknown_format": ("不支持该类文件，或内容与扩展名不符。", "请使用表格、数据库表或列式文件。"),
        "damaged_file": ("文件不完整或已损坏。", "请重新导出该文件。"),
        "mixed_encoding": ("文件中混有不同的编码。", "请统一另存为同一种编码。"),
        "line_too_long": ("某一行过长，可能缺少换行或引号。", "请检查该行。"),
        "unclosed_quote": ("有引号未闭合，其后的行被吞并。", "请补上引号。"),
        "unknown_column": ("文件中没有该列。", "请选择文件中已有的列。"),
        "bad_mapping": ("字段映射无法使用。", "请检查映射内容。"),
        "bad_types": ("声明的类型不存在或无法保存。", "请从列表中选择类型。"),
        "not_a_time": ("时间列中含有不是时间的取值。", "请声明该列的类型，或另选一列。"),
        "ambiguous_date": ("无法判断日期中日与月的先后。", "请声明日期格式。"),
        "mixed_dates": ("时间列中日与月的先后不一致。", "请统一日期格式。"),
        "kind_changed": ("该名称已属于另一类数据集。", "请换一个名称。"),
        "nothing_accepted": ("没有一行数据可用。", "请查看被拒原因并修正文件。"),
        "changed_file": ("读取期间文件被修改。", "请重新导入。"),
        "database_refused": ("数据库拒绝了连接或查询。", "请检查地址、账号与查询语句。"),
        # rules
        "bad_rule": ("规则的结构不正确。", "请检查该条件的写法。"),
        "rule_too_large": ("规则嵌套过深或条件过多。", "请将部分条件另存为人群包后引用。"),
        "unknown_field": ("数据集及其关联的维度表中没有该字段。", "请选择已有字段。"),
        "unknown_operator": ("没有该运算符。", "请从列表中选择。"),
        "wrong_operator": ("该运算符不适用于此类取值。", "请改用适用的运算符。"),
        "bad_value": ("条件的取值与所比较的类型不符。", "请修改取值。"),
        "bad_pattern": ("匹配模式无法使用。", "请简化该模式。"),
        "bad_expression": ("表达式无法识别，或混用了不同类型。", "请检查字段名与运算符。"),
        "no_snapshot": ("该人群包尚未更新，没有可用的成员。", "请先更新人群包。"),
        "snapshot_expired": ("该快照的成员已超过保留期，仅保留人数。", "请使用较新的快照。"),
        "bad_address": ("该地址无法使用：为空、未加密或位于内网。", "请填写可用的加密地址。"),
        "no_mail_server": ("尚未设置邮件服务器。", "请在设置中填写邮件服务器。"),
        "mail_unreachable": ("邮件服务器无响应、中断或无法按要求加密。", "请检查邮件服务器设置。"),
        "mail_login": ("邮件服务器拒绝了账号或密码。", "请检查邮件账号与密码。"),
        "mail_recipient": ("邮件服务器拒绝了收件地址。", "请检查收件地址。"),
        "audience_expired": ("人群包已过有效期，只能查看。", "请延长有效期后再使用。"),
        "audience_cycle": ("人群包相互引用成环，无法计算。", "请去掉其中一个引用。"),
        "sql_refused": ("该查询语句不被允许。", "请只查询提供的视图与函数。"),
        "sql_stopped": ("查询超过了时间或内存上限。", "请缩小查询范围。"),
        # tags
        "bad_definition": ("标签或配方无法这样定义。", "请检查定义中的该项。"),
        "tag_cycle": ("标签之间相互依赖成环，无法计算。", "请修改其中一个标签的来源。"),
        # segments and models
        "too_few_rows": ("可用的客户太少，不足以计算。", "请扩大范围，或导入更多数据。"),
        "no_signal": ("现有信息无法区分种子人群与其他人。", "请更换种子人群，或补充标签。"),
        "no_groups": ("该方法找到的群体少于两个。", "请换用其他方法或标签。"),
        "no_usable_column": ("给出的列都无法使用。", "请选择其他列。"),
        "missing_column": ("数据缺少所需的列。", "请补上该列。"),
        "bad_column": ("某列含有无法使用的取值。", "请修正该列的取值。"),
        "duplicate_entity": ("同一客户出现多次。", "请保证每位客户一行。"),
        "bad_model": ("已保存的模型无法读取，或由更新的版本写入。", "请重新训练，或升级后再试。"),
        "refit_needed": ("客户变化过大，无法在原分群上更新。", "请重新计算分群。"),
        # campaigns
        "bad_campaign": ("营销活动的定义无法使用。", "请检查该项内容。"),
        "bad_journey": ("旅程的定义无法使用。", "请检查该步骤。"),
        "journey_state": ("旅程当前状态不允许此操作。", "请先查看旅程状态。"),
        "bad_signature": ("服务商消息的签名不正确或已过期。", "请检查接收方的密钥与时钟。"),
        "content_state": ("内容为草稿、已下线或正被使用，无法执行此操作。", "请先查看内容状态。"),
        "bad_template": ("含变量的文案无法读取或填充。", "请检查变量名与写法。"),
        "not_approved": ("活动尚未审批，或审批后内容有变化。", "请查看计划并重新审批。"),
        "campaign_state": ("活动当前状态不允许此操作。", "请先查看活动状态。"),
        "restored": (
            "备份时正在进行；备份之后原工作区发送了什么无法得知，因此已暂停。",
            "确认原工作区不再发送后，再恢复进行。",
        ),
        "campaign_expired": ("活动尚未开始或已过有效期。", "请调整有效期。"),
        "purpose_forbids": ("人群包的使用目的不允许该渠道。", "请更换渠道，或修改使用目的。"),
        "nobody": ("人群包没有成员。", "请检查规则并更新人群包。"),
        # experiments
        "bad_metric": ("实验指标无法识别。", "请检查指标的写法。"),
        "bad_weights": ("实验分组的比例不正确。", "请保证各组齐全且合计为一。"),
        "one_arm": ("实验只有一个分组，无法对比。", "请至少设置两个分组。"),
        "sample_ratio": ("各组人数与设定不符，结果不可采信。", "请排查丢失或重复计数。"),
    }
)

NOUNS: Mapping[str, str] = MappingProxyType(
    {
        "audience": "人群包", "tag": "标签", "dataset": "数据集", "field": "字段", "list": "名单", "snapshot": "快照",
        "block": "条件块", "campaign": "营销活动", "model": "模型", "segmentation": "分群", "job": "任务", "alert": "告警",
        "raised alert": "已触发的告警", "customer": "客户", "account": "企业账户", "destination": "接收方", "column": "列",
        "setting": "设置项", "recipe": "配方", "measure": "度量", "operator": "运算符", "source": "数据源", "user": "用户",
        "role": "角色", "template": "模板", "journey": "旅程", "experiment": "实验", "channel": "渠道", "table": "表",
        "clean-up rule": "清洗规则", "category": "分类", "purpose": "使用目的", "content": "内容", "page": "页面",
        "refresh mode": "更新频率", "condition of an alert": "告警条件", "channel of an alert": "告警渠道",
        "kind of dataset": "数据集类型", "schedule": "定时", "batch": "批次", "version": "版本", "lookup": "维度表",
        "waiting": "等待中", "running": "运行中", "completed": "已完成", "cancelled": "已取消", "failed": "失败",
        "paused": "已暂停", "draft": "草稿", "planned": "已计划", "expired": "已过期", "suggestion": "建议",
        "step": "步骤",
    }
)  # fmt: skip

# Shapes of messages and of ways out, the exact ones first. `{=}` stands for data, `{}` for a known noun, or for names and
# numbers alone; between quotes it is data, too.
SENTENCES: tuple[tuple[str, str], ...] = (
    ('There is no {} "{}".', "没有名为“{1}”的{0}。"),
    ("There is no {} yet.", "还没有{0}。"),
    ("There is no such address.", "没有这个地址。"),
    ("Links and opens are not tracked: the setting `{=}` is empty.", "链接点击与打开不会被统计：设置项“{0}”为空。"),
    ("Landing pages cannot be reached: the setting `{=}` is empty.", "落地页无法访问：设置项“{0}”为空。"),
    ('The link "{}" leads nowhere.', "链接“{0}”无效。"),
    ("{=} has {=} characters; {=} takes {=}.", "“{0}”共 {1} 个字符，{2} 最多 {3} 个。"),
    ("There is no such {}.", "没有这样的{0}。"),
    ('There is an {} "{}".', "已有名为“{1}”的{0}。"),
    ('There is a {} "{}".', "已有名为“{1}”的{0}。"),
    ('The {} "{}" has no version {=}.', "{0}“{1}”没有版本 {2}。"),
    ("There is: {=}, ...", "现有：{0} 等。"),
    ("There is: {=}.", "现有：{0}。"),
    ("Did you mean {} or {}?", "您要找的是不是 {0} 或 {1}？"),
    ("Did you mean {}?", "您要找的是不是 {0}？"),
    ('"{}" is not a field of "{}".', "“{0}”不是“{1}”的字段。"),
    ('"{}" is used by {=}.', "“{0}”正被 {1} 引用。"),
    ('"{}" cannot name {}.', "“{0}”不能用作名称。"),
    ('"{}" cannot be a name.', "“{0}”不能用作名称。"),
    ('"{}" is no {}.', "“{0}”不是可用的{1}。"),
    ('"{}" is missing.', "缺少“{0}”。"),
    ('"{}" has no snapshot.', "“{0}”尚未更新，没有快照。"),
    ('"{}" has no snapshot up to {=}.', "“{0}”在 {1} 之前没有快照。"),
    ('"{}" has no members.', "“{0}”没有成员。"),
    ('"{}" is not valid any more.', "“{0}”已过有效期。"),
    ('"{}" was not planned yet.', "“{0}”尚未生成计划。"),
    ('"{}" was not approved.', "“{0}”尚未审批。"),
    ('"{}" is disabled.', "“{0}”已停用。"),
    ('"{}" is paused.', "“{0}”已暂停。"),
    ('"{}" has begun already.', "“{0}”已经开始。"),
    ('"{}" has not ended.', "“{0}”尚未结束。"),
    ('"{}" was deleted.', "“{0}”已被删除。"),
    ('"{}" was saved by somebody else since you opened it.', "您打开之后，他人已保存“{0}”。"),
    ('"{}" is the only admin.', "“{0}”是唯一的管理员。"),
    ('"{}" lies in a private network.', "“{0}”位于内网。"),
    ('"{}" cannot be found.', "找不到“{0}”。"),
    ('"{}" is no e-mail address.', "“{0}”不是电子邮件地址。"),
    ('"{}" would not come to rest.', "“{0}”的替换会循环。"),
    ('"{}" is given twice.', "“{0}”重复出现。"),
    ('"{}" holds no numbers.', "“{0}”不是数值。"),
    ('"{}" is not a date.', "“{0}”不是日期。"),
    ('"{}" is not a whole number.', "“{0}”不是整数。"),
    ('"{}" is set on the machine itself.', "“{0}”只能在服务器上设置。"),
    ('"{}" is set by the environment.', "“{0}”由环境变量设定。"),
    ('{=} has no column "{}".', "{0} 中没有列“{1}”。"),
    ('The file has no column "{}".', "文件中没有列“{0}”。"),
    ('The key "{}" does not belong here.', "此处不应出现“{0}”。"),
    ("The list is empty.", "列表为空。"),
    ("The text is empty.", "内容为空。"),
    ("The job has ended: {}.", "任务已结束：{0}。"),
    ("The job is {}.", "任务状态为：{0}。"),
    ("Your role {=} does not permit this.", "您的角色没有此权限。"),
    ("This is not the setup token.", "一次性令牌不正确。"),
    ("This cannot be a name.", "该内容不能用作名称。"),
    ("The upload is not there any more.", "上传的文件已不存在。"),
    ("Upload the file; uploads are kept for a day.", "请上传文件；上传内容保留一天。"),
    ("Upload it again.", "请重新上传。"),
    ("Choose another name.", "请换一个名称。"),
    ("Try again.", "请重试。"),
    ("Write {}.", "请写成 {0}。"),
    ("Give {}.", "请填写 {0}。"),
    ("Use {}.", "请使用 {0}。"),
    ("Stopped.", "已停止。"),
    # notes of imports
    ("Column {=} has no name; it is called {=}.", "第 {0} 列没有列名，命名为“{1}”。"),
    ("Column {=} holds bytes; it is left out.", "列“{0}”为二进制内容，未导入。"),
    ("{=} holds values that are no times, such as {=}.", "列“{0}”含有不是时间的取值，例如 {1}。"),
    ("{=} holds no values.", "列“{0}”没有取值。"),
    ("There are {=} entities for {=} segments.", "{0} 位客户不足以分成 {1} 个分群。"),
    ("{=} was taken as {=} first; it is {=}.", "“{0}”起初按 {1} 识别，实为 {2}。"),
    (
        "{=} is kept as text: no value tells whether the day or the month stands first.",
        "“{0}”按文本保存：无法判断日与月的先后。",
    ),
    (
        "{=} is kept as text: some dates have the day first and others the month.",
        "“{0}”按文本保存：日期中日与月的先后不一致。",
    ),
    ("{=} writes dates in several ways; all are read: {=}.", "“{0}”的日期有多种写法，均已识别：{1}。"),
    ("{=} is read as {=}.", "“{0}”按 {1} 读取。"),
    ("Not all keys of {=} are numbers; they are kept as written.", "“{0}”的标识不全是数字，按原样保存。"),
    (
        "This file was imported before, as data version {=}; nothing was changed.",
        "该文件此前已导入（数据版本 {0}），未作改动。",
    ),
    # why two values are probably one
    ('"{}" is a key of {=}, "{}" is not; the letters are the same', "“{0}”是 {1} 的键，“{2}”不是；字母相同"),
    ('"{}" is a key of {=}, "{}" is not; one letter differs', "“{0}”是 {1} 的键，“{2}”不是；仅差一个字母"),
    ('"{}" stands in {=} rows; the letters are the same', "“{0}”出现在 {1} 行；字母相同"),
    ('"{}" stands in {=} rows; one letter differs', "“{0}”出现在 {1} 行；仅差一个字母"),
    ('"{}" is a known word, "{}" is not; the letters are the same', "“{0}”是常见词，“{1}”不是；字母相同"),
    ('"{}" is a known word, "{}" is not; one letter differs', "“{0}”是常见词，“{1}”不是；仅差一个字母"),
    # stages of jobs
    ("Reading tags", "读取标签"),
    ("Reading {=}", "读取 {0}"),
    ("Checking {=}", "检查 {0}"),
    ("Writing {=}", "写入 {0}"),
    ("Importing {=}", "导入 {0}"),
    ("Tags of {=}", "计算标签 {0}"),
    ("Numbering entities", "客户编号"),
    ("Indexing", "建立索引"),
    ("Scoring", "打分"),
    ("Learning", "学习"),
    ("Preparing", "准备数据"),
    ("Describing", "描述分群"),
    ("Testing stability", "检验稳定性"),
    ("Testing for structure", "检验是否存在结构"),
    ("Comparing methods", "比较方法"),
    ("Stress tests", "压力测试"),
    ("Outcomes after the cut-off", "截止后的结果"),
    ("Trying {=} to {=} segments", "尝试 {0} 到 {1} 个分群"),
    ("Looking back", "回溯历史"),
    ("Sending", "发送"),
)

_QUOTED = re.compile(r'"([^"]{1,120})"|`([^`]{1,120})`')


# What each setting is for.
SETTINGS_HELP: Mapping[str, str] = MappingProxyType(
    {
        "threads": "查询引擎可用的线程数。",
        "memory_limit_mb": "查询引擎溢出到磁盘前可用的内存，单位 MB。",
        "index_memory_mb": "人群包位图与标签列可用的内存，单位 MB。",
        "index_disk_mb": "事件条件位图可用的磁盘空间，单位 MB。",
        "job_niceness": "导入、标签计算和模型拟合为用户请求让路的程度：0 到 19，数值越大让得越多。",
        "sql_seconds": "人群包 SQL 的最长运行秒数。",
        "sql_memory_mb": "人群包 SQL 可用的内存，单位 MB。",
        "lock_wait_seconds": "发布时等待其他进程的秒数。",
        "private_addresses": "设为 1 时允许接收方位于本机或内网，且可不加密。",
        "snapshots_kept_days": "快照成员的保留天数；月末快照保留五年；0 表示永久保留。",
        "smtp_host": "发送告警邮件的服务器；留空则不发邮件。",
        "smtp_port": "邮件服务器端口，通常为 587、465 或 25。",
        "smtp_security": "邮件加密方式：`starttls`、`tls` 或 `none`。",
        "smtp_user": "登录邮件服务器的用户名；留空则不登录。",
        "smtp_password": "邮件服务器密码；建议通过环境变量设置。",
        "mail_from": "发件地址；留空则使用 `smtp_user`。",
        "public_url": "用户访问控制台的地址。",
        "session_idle_minutes": "会话闲置多少分钟后结束。",
        "session_hours": "会话最长持续的小时数。",
        "body_mb": "除上传外，单个请求内容的上限，单位 MB。",
        "upload_mb": "单个上传文件的上限，单位 MB。",
        "body_seconds": "发送请求内容时允许停顿的秒数。",
        "identifying_fields": "可识别个人身份的字段与标签，以逗号分隔；对分析师和访客脱敏。",
        "identifying_keys": "设为 1 时客户标识也脱敏，例如标识为邮箱时。",
        "oidc_issuer": "统一登录服务的地址；留空则不使用。",
        "oidc_client_id": "登录服务分配的应用标识。",
        "oidc_client_secret": "登录服务分配的密钥；建议通过环境变量设置。",
        "oidc_groups_claim": "令牌中列出用户组的字段。",
        "oidc_roles": "用户组与角色的对应，写作 `组=admin,组=marketer`。",
        "oidc_default_role": "不属于上述用户组者的角色；留空则不允许登录。",
        "jobs_url": "任务队列的数据库地址；留空则使用工作区内的文件。",
        "metadata_url": "元数据的数据库地址；留空则使用工作区内的文件。",
    }
)


def help_in(setting: Setting, language: str) -> str:
    """What a setting is for, in a language.

    >>> from coterie.settings import SETTINGS
    >>> help_in(SETTINGS[0], "zh"), help_in(SETTINGS[0], "en")
    ('查询引擎可用的线程数。', 'Threads the query engine may use.')
    """
    return SETTINGS_HELP.get(setting.name, setting.help) if language == "zh" else setting.help


def in_chinese(error: Told) -> dict[str, str | None]:
    """An error as `CoterieError.as_dict` gives it, told in Chinese; code and place stay.

    >>> in_chinese({"code": "unknown_name", "message": 'There is no audience "loyl".', "place": None,
    ...             "fix": 'Did you mean "loyal"?'})["message"]
    '没有名为“loyl”的人群包。'
    >>> in_chinese({"code": "bad_value", "message": 'All but "x" fit.', "place": "all[0]", "fix": None})["message"]
    '条件的取值与所比较的类型不符（“x”）。'
    """
    code = str(error.get("code"))
    title, way_out = ERRORS.get(code, ERRORS["internal"])
    message, fix = error.get("message"), error.get("fix")
    told = _sentence(message or "") or _with_names(title, message or "")
    return {
        "code": code,
        "message": told,
        "place": error.get("place"),
        "fix": None if fix is None else _sentence(fix) or way_out,
    }


def said_in(text: str, language: str, otherwise: str | None = None) -> str:
    """A note, an evidence or the name of a stage for a reader of `language`.

    otherwise : what to say in Chinese where the shape is not known; the text itself unless given.

    >>> said_in("Reading orders.csv", "zh"), said_in("Reading orders.csv", "en"), said_in("win back", "zh")
    ('读取 orders.csv', 'Reading orders.csv', 'win back')
    """
    if language != "zh":
        return text
    return _sentence(text) or (text if otherwise is None else _with_names(otherwise, text))


def told_in(error: CoterieError | Told | None, language: str) -> dict[str, str | None] | None:
    """An error for a reader of `language`; None stays None.

    >>> told_in(None, "zh") is None
    True
    """
    if error is None:
        return None
    plain = error.as_dict() if isinstance(error, CoterieError) else dict(error)
    return in_chinese(plain) if language == "zh" else plain


def _with_names(title: str, message: str) -> str:
    """The sentence of a code with the names that the message quotes."""
    names = [a or b for a, b in _QUOTED.findall(message)]
    if not names:
        return title
    quoted = "、".join(f"“{name}”" for name in dict.fromkeys(names))
    return f"{title.rstrip('。')}（{quoted}）。"


def _sentence(text: str) -> str | None:
    """The text in Chinese where its shape is known and what it holds is data or a known noun."""
    for pattern, chinese, quoted in _shapes():
        if (found := pattern.fullmatch(text)) is None:
            continue
        parts = [_noun(part, inside) for part, inside in zip(found.groups(), quoted, strict=True)]
        if all(part is not None for part in parts):
            return chinese.format(*parts)
    return None


def _noun(part: str, data: bool) -> str | None:
    """What stands in a hole: data as they are, a known noun in Chinese, else only what holds no English word."""
    if data or not re.search(r"[A-Za-z]", _QUOTED.sub("", part)):
        return part
    return NOUNS.get(part)


@lru_cache(maxsize=1)
def _shapes() -> list[tuple[re.Pattern[str], str, tuple[bool, ...]]]:
    """The shapes as patterns, with which of their holes hold data."""
    found = []
    for english, chinese in SENTENCES:
        pieces = re.split(r"(\{=?\})", english)
        texts, holes = pieces[::2], pieces[1::2]
        data = tuple(hole == "{=}" or text.endswith('"') for text, hole in zip(texts, holes, strict=False))
        found.append((re.compile("(.+?)".join(map(re.escape, texts)), re.S), chinese, data))
    return found
