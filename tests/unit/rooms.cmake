# What a suite links beyond core: keyd_links(test_store store).
function(keyd_links name)
  if(TARGET ${name})
    target_link_libraries(${name} PRIVATE ${ARGN})
  endif()
endfunction()
keyd_links(test_gate role)
keyd_links(test_settings role)
keyd_links(test_sandbox role)
