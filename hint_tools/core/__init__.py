"""The words of hint-tools: joints, records, geometry, ids, findings, errors. numpy only, no I/O."""
