"""预警台账: can these warnings be trusted; which came true, which did not, what was missed? For everyone, within the scope."""

import streamlit as st

from ui import explorer_sentences, foresight_loaders, frame, ledger, panels
from ui.words import _

view = frame.begin(_("预警台账"), _("发布过哪些预警，准不准，还能信吗？"))
foresight = foresight_loaders.current(view.version)
warnings = foresight_loaders.warnings(view.version, view.scope, view.facts.filled_until)
if foresight is None and warnings.empty:
    st.info(explorer_sentences.none_yet(), icon=":material/hourglass_empty:")
    frame.foot(view, "request_count", "usual_count", "busy_probability", "warning_precision", "warning_recall", "warning_lead")
    st.stop()
if foresight is not None and not foresight.is_current:
    st.caption(explorer_sentences.stale(foresight))

replayed = ledger.replayed_track(foresight, view.scope)
with panels.head(_("成绩")):
    kind = ledger.pick(warnings, replayed)
track = ledger.chosen(view, kind, warnings, replayed)
ledger.draw_verdict(view, track, warnings)
if len(track.windows):
    ledger.draw_headline(track)
    left, right = st.columns([1, 1], gap="small")
    with left, st.container(border=True, height="stretch", gap="small"):
        with panels.head(_("说的可能与实际")):
            shows_chart = panels.pick_twin("calibration_as", _("图"))
        ledger.draw_calibration(view, track, as_chart=shows_chart)
    with right, st.container(border=True, height="stretch", gap="small"):
        ledger.draw_records(view, track)

with st.container(border=True, gap="small"):
    ledger.draw_list(view, warnings)

frame.foot(view, "request_count", "usual_count", "busy_probability", "warning_precision", "warning_recall", "warning_lead")
