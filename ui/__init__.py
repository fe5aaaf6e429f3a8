"""Everything a page may use: identity, filters, cached reads, figures, maps, tables, words and frame.

Besides ``pages/`` this is the only room that knows Streamlit and plotly. It arranges; counts come from
``storage``, fractions from ``governance.rates``, percent signs are put here.
"""

import pandas as pd

# Tables on pages have tens to hundreds of rows; at that size every look-up in an Arrow string column costs two to five
# times what it costs in one of Python strings.
pd.set_option("mode.string_storage", "python")
