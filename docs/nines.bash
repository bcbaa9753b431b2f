# Completion of nines(1) for bash: source this file, or install it as
# /usr/share/bash-completion/completions/nines.

_nines()
{
    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
    local common="--config --db --format --json --color --help -c -f -h"
    local command=${COMP_WORDS[1]} options formats="text json" words
    COMPREPLY=()

    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W \
            "run check probe metrics report replay explain gate suggest status import import-slo export alerts annotate exclude silence incident backup db demo version --help --version" -- "$word")
        return
    fi
    case $command in
    run) options="--listen --test-clock -l" ;;
    check) options="--verbose -v" ;;
    probe) options="--method --header --body --expect-status --timeout --follow --insecure
        --bearer-env --header-env --kind --protocol --model --system --prompt --max-tokens
        --no-stream --tool --arguments --read --verbose -X -H -d -t -L -k -v" ;;
    metrics) options="--openmetrics --header --timeout --insecure -H -t -k" ;;
    report) options="--slo --service --label --group-by --at --from --to --period --fail-on --out -s -o"
        formats="text json markdown html csv" ;;
    replay) options="--from --to --slos --slo --service --label --incidents -s -i"
        formats="ndjson text" ;;
    explain) options="--at --objective --limit --span -o -n -s" ;;
    gate) options="--remaining --strict --at --service --label -r" ;;
    status) options="--at --watch --service --label --group-by -w" ;;
    import) options="--create --replace" ;;
    import-slo) options="--probe --prometheus -p" formats="yaml json" ;;
    export) options="--probe --slo --from --to -p -s" words="results samples openslo"
        formats="ndjson yaml" ;;
    alerts)
        case ${COMP_WORDS[2]} in
        history) options="--from --to --slo --dead -s -d" ;;
        list) options="--receiver --at -r" ;;
        render) options="--template --message -t" formats="text" ;;
        retry) options="--all-dead" formats="text" ;;
        route) options="--tree -t" ;;
        simulate) options="--for" ;;
        test) options="--label --resolved -l -r" ;;
        *) words="history list render retry route simulate test" ;;
        esac
        ;;
    annotate)
        case ${COMP_WORDS[2]} in
        add) options="--kind --probe --at -k -p" ;;
        list) options="--from --to" ;;
        remove) ;;
        *) words="add list remove" ;;
        esac
        ;;
    exclude)
        case ${COMP_WORDS[2]} in
        add) options="--slo --service --label --from --to --for --rrule --timezone --mode --reason
            --author -s -l -m -r" ;;
        list) options="--all --at -a" ;;
        remove) options="--author" ;;
        *) words="add list remove" ;;
        esac
        ;;
    silence)
        case ${COMP_WORDS[2]} in
        add) options="--for --until --from --comment --author --slo --service -s" ;;
        list) options="--all --at -a" ;;
        expire) options="--author" ;;
        *) words="add list expire" ;;
        esac
        ;;
    incident)
        case ${COMP_WORDS[2]} in
        open) options="--began --detected --severity --slo --service --by -s" ;;
        note) options="--at --by" ;;
        close) options="--restored --by" ;;
        list) options="--open --from --to" ;;
        show) ;;
        *) words="open note close list show" ;;
        esac
        ;;
    suggest) options="--from --to" ;;
    backup) options="--force" ;;
    db)
        case ${COMP_WORDS[2]} in
        check) options="--quick" ;;
        stats) ;;
        *) words="check stats" ;;
        esac
        ;;
    demo)
        case ${COMP_WORDS[2]} in
        serve) options="--listen --script --incident --seed -l" ;;
        history) options="--to --days --seed --agents" ;;
        *) options="--dir --seed -d" words="serve history" ;;
        esac
        ;;
    esac

    [ "$command$previous" = explain-o ] && previous=--objective # elsewhere -o is a file
    [ "$command$previous" = demo-d ] && previous=--dir # elsewhere -d is a body
    case $previous in
    --format | -f) mapfile -t COMPREPLY < <(compgen -W "$formats" -- "$word") ;;
    --color) mapfile -t COMPREPLY < <(compgen -W "auto always never" -- "$word") ;;
    --fail-on) mapfile -t COMPREPLY < <(compgen -W "breached" -- "$word") ;;
    --method | -X)
        mapfile -t COMPREPLY < <(compgen -W "GET HEAD POST PUT PATCH DELETE OPTIONS" -- "$word") ;;
    --kind) mapfile -t COMPREPLY < <(compgen -W "http health readiness metrics agent" -- "$word") ;;
    --protocol)
        mapfile -t COMPREPLY < <(compgen -W "json sse openai anthropic mcp a2a" -- "$word") ;;
    --create) mapfile -t COMPREPLY < <(compgen -W "interval=" -- "$word") ;;
    --config | -c | --db | --out | -o | --test-clock | --script | --dir | --slos | --incidents | -i)
        mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    --listen | -l | --header | -H | --body | -d | --expect-status | --timeout | -t | \
        --bearer-env | --header-env | --model | --system | --prompt | --max-tokens | --tool | --arguments | --read | \
        --slo | -s | --service | --label | --group-by | --objective | --limit | -n | --span | --remaining | -r | --probe | -p | --prometheus | --at | --from | --to | --period | --incident | --seed | --days) ;;
    *)
        if [[ $word == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "$options $common" -- "$word")
        elif [ -n "$words" ]; then
            mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
        else
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
        fi
        ;;
    esac
}
complete -o filenames -F _nines nines
