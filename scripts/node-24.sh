# Sourced, not run. Puts a Node.js of version 24 or later first in PATH; returns 1 when there is none.
# Expects `root`, the folder of the project. Looks at PATH first, then at what `scripts/setup` brought.

node_is_24() {
  [ -n "$1" ] && [ "$("$1" -p 'Number(process.versions.node.split(".")[0]) >= 24' 2>/dev/null)" = true ]
}

find_node_24() {
  local folder
  # Compiled code is kept beside the checkout: a command starts in half the time. Without the right to write there, Node.js
  # does without.
  export NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE:-$root/.cache/compiled}"
  node_is_24 "$(command -v node)" && return 0
  for folder in "$root"/.toolchain/node_modules/node-linux-*/bin; do
    if node_is_24 "$folder/node"; then
      PATH="$folder:$PATH"
      export PATH
      return 0
    fi
  done
  return 1
}
