# What `cmake --install` lays down, under --prefix and DESTDIR: the executable and its other names, the unit, the drop directory's
# tmpfiles.d line, the manual pages and completions that the executable itself prints, the example configuration. Nothing goes to /etc:
# `mailboxctl setup` writes the configuration.
include(GNUInstallDirs)

set(texts_folder ${CMAKE_BINARY_DIR}/texts)
set(texts)
function(mailboxd_text file)
  add_custom_command(OUTPUT ${texts_folder}/${file}
                     COMMAND ${CMAKE_COMMAND} -E make_directory ${texts_folder}
                     COMMAND mailboxd ${ARGN} > ${texts_folder}/${file}
                     DEPENDS mailboxd VERBATIM)
  set(texts ${texts} ${texts_folder}/${file} PARENT_SCOPE)
endfunction()
mailboxd_text(mailboxd.8 --man)
mailboxd_text(sendmail.8 sendmail --man)
mailboxd_text(mailboxctl.1 ctl man mailboxctl)
mailboxd_text(mailboxd.toml.5 ctl man mailboxd.toml)
mailboxd_text(mailboxctl.bash ctl completion bash)
mailboxd_text(_mailboxctl ctl completion zsh)
mailboxd_text(mailboxctl.fish ctl completion fish)

# Built with everything else in a release; an instrumented executable is not run by the way.
if(MAILBOXD_SANITIZE OR MAILBOXD_COVERAGE)
  add_custom_target(texts DEPENDS ${texts})
else()
  add_custom_target(texts ALL DEPENDS ${texts})
endif()

# Off where another mail server's sendmail is to stay. A package that has it conflicts with, replaces and provides
# mail-transport-agent.
option(MAILBOXD_SENDMAIL "Install sendmail, mailq and newaliases" ON)

install(TARGETS mailboxd RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(FILES ${texts_folder}/mailboxd.8 ${texts_folder}/sendmail.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES ${texts_folder}/mailboxctl.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${texts_folder}/mailboxd.toml.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES ${texts_folder}/mailboxctl.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
        RENAME mailboxctl)
install(FILES ${texts_folder}/_mailboxctl DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${texts_folder}/mailboxctl.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES systemd/mailboxd.conf DESTINATION lib/tmpfiles.d)
install(FILES conf/mailboxd.toml docs/openapi.json CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
# Both depend on the prefix, which is known at the time of the installation only.
install(CODE "
  set(root \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}\")
  file(MAKE_DIRECTORY \"\${root}/${CMAKE_INSTALL_BINDIR}\" \"\${root}/lib/systemd/system\")
  message(STATUS \"Installing: \${root}/${CMAKE_INSTALL_BINDIR}/mailboxctl\")
  file(CREATE_LINK ../${CMAKE_INSTALL_SBINDIR}/mailboxd \"\${root}/${CMAKE_INSTALL_BINDIR}/mailboxctl\" SYMBOLIC)
  if(${MAILBOXD_SENDMAIL})
    foreach(link ${CMAKE_INSTALL_SBINDIR}/sendmail ${CMAKE_INSTALL_BINDIR}/mailq ${CMAKE_INSTALL_BINDIR}/newaliases lib/sendmail)
      message(STATUS \"Installing: \${root}/\${link}\")
      file(MAKE_DIRECTORY \"\${root}/${CMAKE_INSTALL_SBINDIR}\" \"\${root}/lib\")
      file(CREATE_LINK ../${CMAKE_INSTALL_SBINDIR}/mailboxd \"\${root}/\${link}\" SYMBOLIC)
    endforeach()
  endif()
  message(STATUS \"Installing: \${root}/lib/systemd/system/mailboxd.service\")
  file(READ \"${PROJECT_SOURCE_DIR}/systemd/mailboxd.service\" unit)
  string(REPLACE /usr/sbin/mailboxd \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_SBINDIR}/mailboxd\" unit \"\${unit}\")
  file(WRITE \"\${root}/lib/systemd/system/mailboxd.service\" \"\${unit}\")")
