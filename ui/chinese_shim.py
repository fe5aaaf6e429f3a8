"""Chinese for what Streamlit says by itself: page language and the fixed English words of its widgets.

Streamlit has no translations (its issue 1353 is open since 2020). The words below are those that can
appear on our pages; an upgrade of Streamlit means looking at them again (``tests/browser`` does).
"""

from __future__ import annotations

import json
from typing import Final

import streamlit as st

__all__ = ["PATTERNS", "WORDS", "install"]

WORDS: Final = {
    "Select...": "请选择",
    "Choose an option": "请选择",
    "Choose options": "请选择",
    "Select an option": "请选择",
    "No results": "没有符合的选项",
    "No options to select": "没有可选项",
    "No options to select.": "没有可选项",
    "Date range": "日期范围",
    "Select a date range": "选择日期范围",
    "Select a date": "选择日期",
    "Select a date.": "选择日期",
    "Choose a date range": "选择日期范围",
    "Fullscreen": "全屏",
    "Close fullscreen": "退出全屏",
    "Download as CSV": "下载 CSV",
    "Search": "搜索",
    "Show/hide columns": "显示或隐藏列",
    "Sort ascending": "升序",
    "Sort descending": "降序",
    "Autosize": "自动列宽",
    "Auto-size": "自动列宽",
    "Pin column": "固定列",
    "Unpin column": "取消固定",
    "Hide column": "隐藏列",
    "Format": "格式",
    "Column statistics": "列统计",
    "Statistics": "统计",
    "Clear selection": "清除选择",
    "Page not found": "没有这个页面",
    "Running...": "运行中",
    "Running": "运行中",
    "RUNNING...": "运行中",
    "Stop": "停止",
    "Rerun": "重新运行",
    "Settings": "设置",
    "Print": "打印",
    "Theme": "主题",
    "Light": "浅色",
    "Dark": "深色",
    "System": "跟随系统",
    "Use system setting": "跟随系统",
    "Appearance": "外观",
    "Wide mode": "宽屏",
    "Connecting": "正在连接",
    "Connection error": "连接出错",
    "Skip to main content": "跳到正文",
    "Vega visualization": "走势小图",
    "Expand sidebar": "展开侧栏",
    "Collapse sidebar": "收起侧栏",
    "Open sidebar": "展开侧栏",
    "Close sidebar": "收起侧栏",
    "Copy to clipboard": "复制",
    "Copied": "已复制",
    "View more": "更多",
    "View less": "收起",
    "Main menu": "主菜单",
    "Today": "今天",
    "Past Week": "过去一周",
    "Past Month": "过去一个月",
    "Past 3 Months": "过去三个月",
    "Past 6 Months": "过去半年",
    "Past Year": "过去一年",
    "Past 2 Years": "过去两年",
    "None": "无",
    "empty": "无数据",
    "Sidebar": "侧栏",
    "App pages": "页面",
    "Open": "展开",
    "Close": "关闭",
    "Dismiss": "关闭",
    "Map": "地图",
    "Link to heading": "本节链接",
    "Toggle attribution": "地图来源",
    "Help": "说明",
    "Record screen": "录制屏幕",
    "Record a screencast": "录制屏幕",
    "About": "关于",
    "Get help": "获取帮助",
    "Report a bug": "报告问题",
    "Clear cache": "清除缓存",
    "Made with Streamlit v": "由 Streamlit 制作 v",
    "Copy version to clipboard": "复制版本号",
    "The page that you have requested does not seem to exist. Running the app's main page.": "没有这个页面，现显示首页。",
    "Type to search": "输入要找的文字",
    "Previous Result": "上一处",
    "Next Result": "下一处",
    "Close Search": "关闭搜索",
    "Select all": "全选",
    "(index)": "（序号）",
    "Dataframe column menu": "列菜单",
    "Copy column name": "复制列名",
    "Automatic": "自动",
    "Localized": "千分位",
    "Plain": "原样",
    "Compact": "缩写",
    "Dollar": "美元",
    "Euro": "欧元",
    "Yen": "日元",
    "Percent": "百分比",
    "Scientific": "科学记数",
    "Accounting": "会计",
    "Distance": "距今",
    "Duration": "时长",
    "Calendar": "日历",
    "Values": "有值",
    "Empty": "空值",
    "Distinct": "不同值",
    "Minimum": "最小",
    "Maximum": "最大",
    "Average": "平均",
    "Median": "中位数",
    "Sum": "合计",
    "Range": "范围",
    "Standard deviation": "标准差",
    "Minimum length": "最短",
    "Average length": "平均长度",
    "Maximum length": "最长",
    "Based on sample": "按抽样",
    "No data": "无数据",
    "No content": "无内容",
    "Previous month": "上个月",
    "Next month": "下个月",
    "Choose date": "选择日期",
    "Choose date range": "选择日期范围",
    "number": "数字",
    "text": "文字",
    "Clear date": "清除日期",
    "Clear dates": "清除日期",
    "Clear value": "清除",
    "Quick select a date range": "快速选择日期范围",
    "Custom": "自定",
    "Use arrow keys to navigate dates. Enter to select. Escape to close.": "方向键移动，回车选定，Esc 关闭。",
    "Click to start selecting date range": "点击选择起日",
    "Click to finish selecting date range": "点击选择止日",
    "Upload": "选择文件",
    "Drag and drop a file here": "把文件拖到这里",
    "Download failed": "下载失败",
    "Try again": "再试一次",
    "Connection timed out.": "连接超时。",
    "Streamlit server is not responding. Are you connected to the internet?": "服务没有响应，请检查网络连接。",
    "Is Streamlit still running? If you accidentally stopped Streamlit, just restart it in your terminal:": "服务已停止，请联系管理员重新启动。",
}

PATTERNS: Final = (
    ("^Help for (.+)$", "$1说明"),
    ("^(\\d+)MB per file$", "每个文件最多 $1MB"),
    ("^File must be (.+) or smaller\\.$", "文件不能超过 $1"),
    ("^(\\S*) files are not allowed\\.$", "不能上传这种文件（$1）"),
    ("^Remove (.+)$", "移除 $1"),
    ("^Show/hide columns: (.+)$", "显示或隐藏列：$1"),
    ("^Download as CSV: (.+)$", "下载 CSV：$1"),
    ("^Search: (.+)$", "搜索：$1"),
    ("^Fullscreen: (.+)$", "全屏：$1"),
    ("^Close fullscreen: (.+)$", "退出全屏：$1"),
    ("^Clear selection: (.+)$", "清除选择：$1"),
    ("^(\\d+) options? available\\.$", "$1 个选项"),
    ("^(\\d+) of (\\d+) results?$", "第 $1 处，共 $2 处"),
    ("^(?:over )?(\\d+)\\+? results?$", "$1 处"),
    ("^(\\d+) of (\\d+)$", "第 $1 处，共 $2 处"),
    ("^Choose date range, (.+)$", "选择日期范围，$1"),
    ("^Choose date, (.+)$", "选择日期，$1"),
    ("^year, (.+?)(?: start date)?( end date)?$", "年，$1"),
    ("^month, (.+?)(?: start date)?( end date)?$", "月，$1"),
    ("^day, (.+?)(?: start date)?( end date)?$", "日，$1"),
    ("^(.+) start date$", "$1：起"),
    ("^(.+) end date$", "$1：止"),
    ("^(\\d+) – (?:January|February|March|April|May|June|July|August|September|October|November|December)$", "$1月"),
)
"""Words with a name or number in them, as JavaScript patterns; the first that fits is taken."""

SCRIPT = """
<script>
(() => {
  if (window.weisuChinese) return;
  const words = %s;
  const patterns = %s.map(([pattern, text]) => [new RegExp(pattern), text]);
  window.weisuChinese = true;
  document.documentElement.lang = "zh-CN";
  const attributes = ["placeholder", "aria-label", "title", "aria-valuetext"];
  const prose = "[data-testid=stMarkdownContainer]:not([data-testid=stTooltipContent] *, [data-testid=stFileUploaderDropzone] *)";
  const data = "canvas,code,svg,[role=option]:not([style*=contents]),[role=gridcell],[data-testid=stTable]," + prose;
  const chinese = (text) => {
    const plain = text.trim();
    if (!/[A-Za-z]{2}/.test(plain)) return null;
    if (Object.hasOwn(words, plain)) return words[plain];
    for (const [pattern, out] of patterns) if (pattern.test(plain)) return plain.replace(pattern, out);
    const chosen = /^Selected (?:Date|Range): (.+)$/.exec(plain);
    if (!chosen) return null;
    return "已选：" + chosen[1].replace(/[A-Z][a-z]+ \\d+, \\d{4}/g, (day) => new Date(day).toLocaleDateString("zh-CN")).replace(" to ", " 至 ");
  };
  const put = (node) => {
    if (node.nodeType === Node.TEXT_NODE) {
      const word = chinese(node.nodeValue);
      if (word && !node.parentElement?.closest(data)) node.nodeValue = word;
      return;
    }
    if (node.nodeType !== Node.ELEMENT_NODE) return;
    for (const name of attributes) putAttribute(node, name);
    for (const child of node.childNodes) put(child);
  };
  put(document.body);
  new MutationObserver((changes) => {
    for (const change of changes) {
      if (change.type === "childList") change.addedNodes.forEach(put);
      else if (change.type === "characterData") put(change.target);
      else putAttribute(change.target, change.attributeName);
    }
  }).observe(document.body, {subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: attributes});
  function putAttribute(node, name) {
    const word = node.hasAttribute(name) && chinese(node.getAttribute(name));
    if (word) node.setAttribute(name, word);
  }
})();
</script>
"""


def install() -> None:
    """Put the shim on the page; it installs itself once for each browser tab."""
    words, patterns = (json.dumps(table, ensure_ascii=False) for table in (WORDS, PATTERNS))
    st.html(SCRIPT % (words, patterns), unsafe_allow_javascript=True)
