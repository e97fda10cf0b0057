#!/usr/bin/env bash
# Makes .venv-argilla for the tests against a real Argilla server. Does nothing if it is there already.
# Also needed: the program redis-server (package redis-server in Debian).
set -euo pipefail
cd "$(dirname "$0")/../.."
target="${ARGILLA_VENV:-.venv-argilla}"
wanted="$(cat tests/argilla_server/requirements.txt)"
if [ -x "$target/bin/python" ] && [ "$(cat "$target/made-from" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi
"${PYTHON:-python3}" -m venv --clear "$target"
"$target/bin/pip" install --quiet --disable-pip-version-check -r tests/argilla_server/requirements.txt
echo "$wanted" > "$target/made-from"
