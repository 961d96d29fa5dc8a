#!/usr/bin/env bash
# runc for a machine that has not all capabilities, such as CAP_SYS_RESOURCE: Docker gives a privileged
# container all that the kernel knows, which runc then cannot. This takes out of the configuration what
# the machine has not, and goes on as runc.
set -euo pipefail
# after prints what follows an option in the arguments.
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
