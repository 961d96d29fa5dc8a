#!/usr/bin/env bash
# Builds a program for users: static, without debug information or paths of this machine:
# hack/build.sh OUTPUT PACKAGE
#
# Debug information that the linker would drop is not generated, which saves an eighth of the time.
#
# grpcnotrace removes golang.org/x/net/trace, which egraft does not use, from gRPC. That package
# imports html/template, whose templates call methods by name; the linker then keeps all exported
# methods of all types, and egraft would be a fifth larger. Without the tag, egraft works the same.
# hack/architecture/linked_test.go checks that no other code has this effect.
set -euo pipefail
CGO_ENABLED=0 exec go build -trimpath -tags grpcnotrace -gcflags=all=-dwarf=false -ldflags "-s -w" -o "$1" "$2"
