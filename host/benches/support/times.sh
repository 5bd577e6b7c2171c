# What scripts that compare times have in common; they source this file.

# Milliseconds that a command takes, with its output thrown away.
millis() {
    local began ended
    began=$(date +%s%N)
    "$@" >/dev/null 2>&1 </dev/null
    ended=$(date +%s%N)
    echo $(((ended - began) / 1000000))
}

# The median of the numbers in the lines of standard input.
median() {
    sort -n | awk '{ figures[NR] = $1 } END { print figures[int((NR + 1) / 2)] }'
}

# The median of $runs measurements of a command, in milliseconds.
measured() {
    for ((nth = 0; nth < runs; nth++)); do millis "$@"; done | median
}

# How many times the second number is in the first.
ratio() {
    awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f\n", a / (b > 0 ? b : 1) }'
}
