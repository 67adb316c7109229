"""How the open hand is made from MakeHuman's base mesh (CC0)."""
