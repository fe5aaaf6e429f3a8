"""Chinese for what Streamlit says by itself: page language and the fixed English words of its widgets.

Streamlit has no translations (its issue 1353 is open since 2020). The words below are those that can
appear on our pages; an upgrade of Streamlit means looking at them again (``tests/browser`` does).
"""

from __future__ import annotations

import json
from typing import Final

import streamlit as st

__all__ = ["WORDS", "install"]

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
}

SCRIPT = """
<script>
(() => {
  if (window.weisuChinese) return;
  const words = %s;
  window.weisuChinese = true;
  document.documentElement.lang = "zh-CN";
  const attributes = ["placeholder", "aria-label", "title"];
  const put = (node) => {
    if (node.nodeType === Node.TEXT_NODE) {
      const word = words[node.nodeValue.trim()];
      if (word && !node.parentElement?.closest("code,[data-testid=stMarkdownContainer]")) node.nodeValue = word;
      return;
    }
    if (node.nodeType !== Node.ELEMENT_NODE) return;
    for (const name of attributes) {
      const word = words[node.getAttribute(name)];
      if (word) node.setAttribute(name, word);
    }
    for (const child of node.childNodes) put(child);
  };
  put(document.body);
  new MutationObserver((changes) => {
    for (const change of changes) {
      if (change.type === "childList") change.addedNodes.forEach(put);
      else put(change.target);
    }
  }).observe(document.body, {subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: attributes});
})();
</script>
"""


def install() -> None:
    """Put the shim on the page; it installs itself once for each browser tab."""
    st.html(SCRIPT % json.dumps(WORDS, ensure_ascii=False), unsafe_allow_javascript=True)
