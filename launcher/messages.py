"""What the launcher says to its user, Chinese first. It runs without gettext, so the texts are here."""

import sys
from pathlib import Path

MESSAGES = {
    "servers_starting": ("正在启动数据库和消息队列……", "starting PostgreSQL and Redis"),
    "servers_given": (
        "使用 DATABASE_URL 和 REDIS_URL 指定的服务器",
        "using the servers given by DATABASE_URL and REDIS_URL",
    ),
    "half_given": (
        "DATABASE_URL 和 REDIS_URL 必须同时设置，或都不设置",
        "set both DATABASE_URL and REDIS_URL, or neither",
    ),
    "cluster_creating": (
        "首次启动，正在建立数据库：{folder}",
        "first start, creating the database in {folder}",
    ),
    "demonstration_today": ("演示中的今天是 {today}", "today in the demonstration is {today}"),
    "migrating": ("正在更新数据库结构……", "migrating the database"),
    "services_starting": ("正在启动后台任务、定时任务和网站……", "starting workers, scheduler and web server"),
    "ready": ("已就绪：{address}", "ready at {address}"),
    "how_to_stop": ("按 Ctrl-C 停止。日志：{logs}", "Ctrl-C stops it; logs are in {logs}"),
    "port_taken": ("端口 {wanted} 已被占用，改用 {port}", "port {wanted} is taken, using {port}"),
    "stopping": ("正在停止……", "stopping"),
    "stopped": ("已停止，数据保留在 {folder}", "stopped; the data stays in {folder}"),
    "restarting": (
        "{name} 意外退出（状态 {status}），{seconds} 秒后重启；日志：{log}",
        "{name} ended unexpectedly (status {status}), restarting in {seconds} s; log: {log}",
    ),
    "gives_up": (
        "{name} 一再退出，全部停止。日志：{log}",
        "{name} keeps ending, stopping everything; log: {log}",
    ),
    "in_use": (
        "数据目录 {folder} 正被另一个启动程序（进程 {pid}）使用。请先停止它，或用 --data 另选目录。",
        "the data folder {folder} is in use by another launcher (process {pid}); "
        "stop that one first, or choose another folder with --data",
    ),
    "in_use_join": (
        "如要连接它的服务器，请先执行：set -a; . '{file}'; set +a",
        "to use its servers from this shell: set -a; . '{file}'; set +a",
    ),
    "not_writable": (
        "数据目录 {folder} 不可写：{reason}",
        "the data folder {folder} cannot be written: {reason}",
    ),
    "wheel_missing": (
        "缺少软件包 {package}。请运行 make setup，或设置 DATABASE_URL 和 REDIS_URL。",
        "the package {package} is not installed; run make setup, or set DATABASE_URL and REDIS_URL",
    ),
    "no_nobody": (
        "以 root 运行时需要系统用户 nobody，但本机没有。请改用普通用户。",
        "started as root, PostgreSQL needs the system user nobody, which is missing; use an ordinary user",
    ),
    "cannot_drop_root": (
        "无法切换到用户 nobody：{reason}。请改用普通用户。",
        "cannot run programs as the user nobody: {reason}; use an ordinary user",
    ),
    "command_failed": ("命令失败：{command}\n{output}", "command failed: {command}"),
    "server_failed": ("{name} 未能启动。日志：{log}\n{tail}", "{name} did not start; log: {log}"),
    "wrong_version": (
        "{folder} 是 PostgreSQL {found} 的数据，而程序是 PostgreSQL {wanted}。请先导出再导入，或用 --data 另选目录。",
        "{folder} was written by PostgreSQL {found} but the programs are {wanted}; "
        "dump and restore it, or choose another folder with --data",
    ),
    "password_missing": (
        "{folder} 里有数据库，但缺少口令文件 {file}。请恢复该文件，或删除该数据目录后重新开始。",
        "{folder} holds a database but its password file {file} is gone; "
        "restore the file, or remove the data folder to start afresh",
    ),
    "no_command": ("run 之后请写 -- 和要执行的命令", "run needs a command: run -- COMMAND"),
    "command_not_found": ("找不到命令 {command}", "command not found: {command}"),
}


class Problem(Exception):
    """Something that keeps the launcher from going on and that its user can do something about."""

    def __init__(self, key: str, /, **values: object):
        super().__init__(text(key, **values))


def text(key: str, /, **values: object) -> str:
    chinese, english = MESSAGES[key]
    return f"{chinese.format(**values)}\n  ({english.format(**values)})"


def say(key: str, /, **values: object) -> None:
    print(text(key, **values), flush=True)


def tail_of(log: Path, lines: int = 15) -> str:
    """The last lines of a log, for a message about a process that failed."""
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def speak_any_encoding() -> None:
    """A terminal that cannot show Chinese must not stop the launcher."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")
