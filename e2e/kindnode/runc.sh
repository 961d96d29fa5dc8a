#!/usr/bin/env bash
# runc for a machine that lacks capabilities such as CAP_SYS_RESOURCE. Docker gives a privileged
# container all capabilities that the kernel knows, and runc then fails. This script removes the
# missing ones from the configuration and executes runc.
set -euo pipefail
# after prints the argument that follows an option.
after() {
	local option=$1
	shift
	while [ $# -gt 1 ]; do
		if [ "$1" = "$option" ]; then
			echo "$2"
			return
		fi
		shift
	done
}
case " $* " in
*" create "*) file=$(after --bundle "$@")/config.json at=.process ;;
*" exec "*) file=$(after --process "$@") at='' ;;
*) file='' ;;
esac
if [ -n "$file" ] && [ -f "$file" ]; then
	# CAP_SYS_RESOURCE is bit 24 of the bounding set.
	bounding=$(sed -n 's/^CapBnd:\t//p' /proc/self/status)
	if ((!(0x$bounding >> 24 & 1))); then
		jq "($at.capabilities // empty)[] -= [\"CAP_SYS_RESOURCE\"]" "$file" >"$file.new"
		mv "$file.new" "$file"
	fi
fi
exec runc "$@"
