module gatehouse.example/upstream

go 1.22
