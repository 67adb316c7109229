"""Hand model: safe reading of MANO-format files, kinematics, a differentiable layer, and the open stand-in hand."""
