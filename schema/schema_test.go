package schema

import (
	"fmt"
	"os"
	"testing"
	"time"
)

type smoke struct {
	Rate  Rate          `json:"rate" doc:"How many." short:"true"`
	Wait  time.Duration `json:"wait" doc:"How long." default:"5s" min:"1ms"`
	Size  Size          `json:"size" doc:"How big." default:"none"`
	Names []string      `json:"names" doc:"Who." enum:"a,b" one:"true"`
	Sub   struct {
		X int `json:"x" doc:"X." default:"3" max:"9"`
	} `json:"sub" doc:"Sub."`
	Kids []*smoke         `json:"kids" doc:"More."`
	By   map[string]*Node `json:"by" doc:"By." kind:"policy"`
	TLS  any              `json:"tls" later:"TLS"`
}

func TestSmoke(t *testing.T) {
	ty := Of[smoke]()
	n, errs := Parse("f.yaml", []byte("rate: 10/s\nsub: {x: 10, y: 1}\nnames: c\ntls: {}\nkids: [5/min, {wait: 3}]\nwiat: 3\n"))
	fmt.Println(errs)
	var c smoke
	fmt.Println(ty.Decode(n, &c, ""))
	fmt.Println(ty.Decode(nil, &c, "a"))
	fmt.Printf("%+v\n", c)
	ty.Reference(os.Stdout)
}
