// Package page writes what tenants wrote as markup.
package page

import g "maragu.dev/gomponents"

var Heading = g.Raw("<h1>")
