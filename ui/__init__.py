"""Everything a page may use: identity, filters, cached reads, figures, maps, tables, words and frame.

Besides ``pages/`` this is the only room that knows Streamlit and plotly. It arranges; counts come from
``storage``, fractions from ``governance.rates``, percent signs are put here.
"""
