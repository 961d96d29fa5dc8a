#!/usr/bin/env bash
# Builds a program for users: static, without debug information and without paths of this machine:
# hack/build.sh OUTPUT PACKAGE
#
# grpcnotrace takes golang.org/x/net/trace out of gRPC, which egraft does not use. It brings
# html/template, whose templates call methods by their names; for that the linker keeps all exported
# methods of all types, and egraft would have a fifth more. Without the tag egraft works the same.
# hack/architecture/linked_test.go looks for other ways to get there.
set -euo pipefail
CGO_ENABLED=0 exec go build -trimpath -tags grpcnotrace -ldflags "-s -w" -o "$1" "$2"
