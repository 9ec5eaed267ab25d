# Runs one program and lets it live no longer than the process that started this guard.
#
#   guard.sh <stop signal> <grace in tenths of a second> <folder or ""> <program> [arguments…]
#
# stdin  is a pipe whose other end only the parent holds: it closes when the parent dies.
# stdout says two lines: the program's pid, and, when it has ended, its exit status.
# stderr is the log file of the program.

# Not ignored but handled: an ignored signal would be inherited by the program.
trap : HUP INT TERM
signal=$1 grace=$2 folder=$3
shift 3
exec 3<&0

"$@" 3<&- </dev/null >&2 &
program=$!
echo "$program"

(
    trap '' HUP INT TERM
    exec >/dev/null
    while read -r _; do :; done <&3
    kill -s "$signal" "$program"
    while [ "$grace" -gt 0 ] && kill -0 "$program" 2>/dev/null; do
        sleep 0.1
        grace=$((grace - 1))
    done
    kill -s KILL "$program"
) 2>/dev/null &

# A handled signal interrupts `wait`; the program has only ended when its pid is gone too.
while :; do
    wait "$program"
    status=$?
    kill -0 "$program" 2>/dev/null || break
done

# PostgreSQL's own children leave this process group, but they all run the same program in its
# data folder.
if [ -n "$folder" ]; then
    for process in /proc/[0-9]*; do
        [ "$process/cwd" -ef "$folder" ] && [ "$process/exe" -ef "$1" ] &&
            kill -s KILL "${process#/proc/}" 2>/dev/null
    done
fi

echo "$status"
# Everything the program left behind in this group, the watcher above, and this guard itself.
kill -s KILL -- "-$$"
