package feature

import (
	"net/url"
	"reflect"
	"runtime"
	"strings"
)

// packageOf returns the import path of the function's package.
func packageOf(function any) string {
	f := runtime.FuncForPC(reflect.ValueOf(function).Pointer())
	if f == nil {
		return ""
	}
	return packageIn(f.Name())
}

// packageIn cuts the import path out of a function's name: "example.org/a/b.New" or
// "example.org/a/b.Feature.func1". The linker escapes dots in the last element of the path.
// https://github.com/golang/go/blob/go1.26.0/src/cmd/internal/objabi/path.go#L11-L21
func packageIn(name string) string {
	dir := strings.LastIndex(name, "/") + 1
	last, _, _ := strings.Cut(name[dir:], ".")
	if path, err := url.PathUnescape(name[:dir] + last); err == nil {
		return path
	}
	return name[:dir] + last
}
