//go:build wasip1

// Package main is an HTTP filter of Envoy that adds the header x-wasm to responses, with the
// minimum of Proxy-Wasm's interface and without a library.
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o hello.wasm ./e2e/wasm
//
// https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1
package main

import "unsafe"

// Values of Proxy-Wasm's interface.
const (
	responseHeaders = 2
	isTrue          = 1
	toContinue      = 0
)

// addHeader adds a header to a map of headers.
//
//go:wasmimport env proxy_add_header_map_value
func addHeader(headers int32, name, value string) int32

func main() {}

//go:wasmexport proxy_abi_version_0_2_1
func version() {}

// allocated keeps the memory that Envoy requested.
var allocated [][]byte

//go:wasmexport proxy_on_memory_allocate
func allocate(size int32) unsafe.Pointer {
	memory := make([]byte, max(size, 1))
	allocated = append(allocated, memory)
	return unsafe.Pointer(&memory[0])
}

//go:wasmexport proxy_on_context_create
func create(_, _ int32) {}

//go:wasmexport proxy_on_vm_start
func start(_, _ int32) int32 { return isTrue }

//go:wasmexport proxy_on_configure
func configure(_, _ int32) int32 { return isTrue }

//go:wasmexport proxy_on_response_headers
func onResponse(_, _, _ int32) int32 {
	addHeader(responseHeaders, "x-wasm", "go")
	return toContinue
}

//go:wasmexport proxy_on_done
func done(_ int32) int32 { return isTrue }

//go:wasmexport proxy_on_delete
func remove(_ int32) {}
