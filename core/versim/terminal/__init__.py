"""Text and tables for terminals, for commands and reporters: every line fits, and shows what it holds.

Plugins may use this, too.
"""

from versim.terminal.grid import Column as Column
from versim.terminal.grid import Group as Group
from versim.terminal.grid import grids as grids
from versim.terminal.grid import table as table
from versim.terminal.sizes import chosen_time as chosen_time
from versim.terminal.sizes import spelt_size as spelt_size
from versim.terminal.sizes import spelt_time as spelt_time
from versim.terminal.text import ELLIPSIS as ELLIPSIS
from versim.terminal.text import for_encoding as for_encoding
from versim.terminal.text import padded as padded
from versim.terminal.text import printable as printable
from versim.terminal.text import shortened as shortened
from versim.terminal.text import width_of as width_of
from versim.terminal.text import wrapped as wrapped
from versim.terminal.width import WIDTH as WIDTH
from versim.terminal.width import columns_of_stdout as columns_of_stdout
