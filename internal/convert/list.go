package convert

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// ordered are lists whose order affects Envoy and whose elements stand for Gateway API objects:
// they are not written as a whole.
var ordered = map[protoreflect.FullName]string{
	"envoy.config.route.v3.RouteConfiguration.virtual_hosts":                                         "Add an HTTPRoute or a listener: virtual hosts are generated from Gateway API objects",
	"envoy.config.route.v3.VirtualHost.routes":                                                       "Add a rule to an HTTPRoute, or an HTTPRouteFilter for direct responses and redirects: routes are generated from Gateway API objects",
	"envoy.config.listener.v3.Listener.filter_chains":                                                "Add a listener to the Gateway: filter chains are generated from listeners",
	"envoy.config.listener.v3.FilterChain.filters":                                                   "Use a TCPRoute, or keep the EnvoyPatchPolicy: egraft has no policy for network filters",
	"envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.http_filters": "Write a FilterPolicy for each of your filters",
}

// unordered are lists in which the order of elements has no effect, or one that hardly any user depends on.
var unordered = map[protoreflect.Name]bool{
	"access_log": true, "request_headers_to_add": true, "request_headers_to_remove": true, "response_headers_to_add": true,
	"response_headers_to_remove": true, "socket_options": true, "health_checks": true, "thresholds": true, "upgrade_configs": true,
}

// list changes a list, or the content of one of its elements.
func (w *changer) list(c *cursor, fd protoreflect.FieldDescriptor, path []string) {
	switch len(path) {
	case 0:
		w.wholeList(c, fd)
	case 1:
		w.listElement(c, fd, path[0])
	default:
		w.insideElement(c, fd, path)
	}
}

func (w *changer) wholeList(c *cursor, fd protoreflect.FieldDescriptor) {
	elements, isList := w.value.([]any)
	at := c.field(fd)
	switch {
	case w.op == opRemove || w.value == nil || isList && len(elements) == 0:
		w.add(v1alpha1.XDSPatch{Remove: at})
		return
	case !isList:
		w.fault = reject("", "%s is a list, but the value is not", fd.TextName())
		return
	case ordered[fd.FullName()] != "":
		w.fault = reject(ordered[fd.FullName()], "it writes the whole list %s", fd.TextName())
		return
	}
	if length(c.before, fd) == 0 {
		w.add(v1alpha1.XDSPatch{List: &v1alpha1.XDSList{Path: at, Append: values(elements)}})
	}
	w.add(v1alpha1.XDSPatch{List: &v1alpha1.XDSList{Path: at, Replace: &v1alpha1.XDSValue{Raw: raw(w.value)}}})
}

// listElement adds, replaces or removes an element.
func (w *changer) listElement(c *cursor, fd protoreflect.FieldDescriptor, token string) {
	n := length(c.before, fd)
	i, _ := index(token, n)
	at := c.field(fd)
	if remedy := ordered[fd.FullName()]; remedy != "" && w.op != opRemove {
		w.fault = reject(remedy, "it writes an element of %s", fd.TextName())
		return
	}
	switch {
	case w.op == opAdd:
		if token == end || i == n || unordered[fd.Name()] {
			w.add(v1alpha1.XDSPatch{List: &v1alpha1.XDSList{Path: at, Append: values([]any{w.value})}})
		}
	case w.op == opReplace:
		for _, k := range w.keys(c, fd, i) {
			w.add(v1alpha1.XDSPatch{List: &v1alpha1.XDSList{Path: at + k, Replace: &v1alpha1.XDSValue{Raw: raw(w.value)}}})
		}
	default:
		for _, k := range w.keys(c, fd, i) {
			w.add(v1alpha1.XDSPatch{List: &v1alpha1.XDSList{Path: at + k, Remove: true}})
		}
	}
	w.rewriteList(c, fd)
}

// maxKeys limits how many keys are tried to select an element.
const maxKeys = 4

func (w *changer) keys(c *cursor, fd protoreflect.FieldDescriptor, i int) []string {
	if length(c.before, fd) == 0 {
		return nil
	}
	all := keys(c.before.Get(fd).List(), fd, i)
	return all[:min(len(all), maxKeys)]
}

// insideElement changes the content of an element that has a key, or replaces the element.
func (w *changer) insideElement(c *cursor, fd protoreflect.FieldDescriptor, path []string) {
	i, ok := index(path[0], length(c.before, fd))
	if !ok || fd.Message() == nil {
		w.fault = reject("", "%s has no element %s", fd.TextName(), short(path[0]))
		return
	}
	for _, k := range w.keys(c, fd, i) {
		if strings.HasPrefix(k, "["+strings.Join(path[1:], ".")+"=") {
			continue // the operation changes this key
		}
		inner := c.element(fd, k, i)
		if inner.isWhole() {
			break
		}
		w.at(inner, path[1:])
		if w.fault != nil {
			return
		}
		if element := w.element(c, fd, i); element != nil && ordered[fd.FullName()] == "" {
			w.add(v1alpha1.XDSPatch{List: &v1alpha1.XDSList{Path: c.field(fd) + k, Replace: &v1alpha1.XDSValue{Raw: raw(element)}}})
		}
	}
	w.rewriteList(c, fd)
}

// element returns an element as it is after the operation.
func (w *changer) element(c *cursor, fd protoreflect.FieldDescriptor, i int) any {
	elements, _ := w.json(c, fd, "").([]any)
	if i >= len(elements) {
		return nil
	}
	return elements[i]
}

// rewriteList writes the list as it is after the operation.
func (w *changer) rewriteList(c *cursor, fd protoreflect.FieldDescriptor) {
	if ordered[fd.FullName()] != "" {
		return
	}
	if elements := w.json(c, fd, ""); elements != nil {
		w.add(v1alpha1.XDSPatch{List: &v1alpha1.XDSList{Path: c.field(fd), Replace: &v1alpha1.XDSValue{Raw: raw(elements)}}})
	}
}
