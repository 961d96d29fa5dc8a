module github.com/egraft/egraft/hack/tools/promtool

go 1.26.0
